"""The tables of the views' keyspace that no generation owns. Generations' tables are made and dropped by the registry.

All but the registry are written with positions of the log as timestamps: nothing here may ever be written, or deleted,
with the time of a clock.
"""

from __future__ import annotations

from kinelog.cassandra_session.migration import KeyspaceSchema, Migration, Phase

_REGISTRY = "CREATE TABLE IF NOT EXISTS {views}.registry (name text PRIMARY KEY, revision bigint, document text)"
_OFFSETS = """CREATE TABLE IF NOT EXISTS {views}.offsets (
    view_name text, generation int, shard int, position bigint, PRIMARY KEY ((view_name, generation), shard))"""
_PARKED = """CREATE TABLE IF NOT EXISTS {views}.parked (
    view_name text, generation int, owner text, shard int, position bigint, entity text, error text,
    PRIMARY KEY ((view_name, generation), owner, shard, position))"""
_ERASED = """CREATE TABLE IF NOT EXISTS {views}.erased (
    incarnation text, digest blob, position bigint, PRIMARY KEY ((incarnation, digest)))"""
_NEWEST_ERASURES = """CREATE TABLE IF NOT EXISTS {views}.newest_erasures (
    incarnation text, shard int, position bigint, PRIMARY KEY ((incarnation), shard))"""

VIEWS_SCHEMA = KeyspaceSchema(
    "views",
    (
        Migration(
            1,
            "registry of generations, offsets, parked events, erased people",
            Phase.EXPAND,
            (_REGISTRY, _OFFSETS, _PARKED, _ERASED, _NEWEST_ERASURES),
        ),
    ),
)
