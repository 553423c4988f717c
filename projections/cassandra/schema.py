"""Tables of the keyspace of the views that do not belong to one generation: the registry, and what folds read again.

The query tables of a generation are made and dropped by the projection workers.
"""

from __future__ import annotations

from kinelog.cassandra_session.migration import KeyspaceSchema, Migration, Phase

# One partition, so that a switch of generations is one conditional statement and the registry is read in one look.
_VIEW_VERSIONS = """
CREATE TABLE IF NOT EXISTS {views}.view_versions (
    registry text,
    view_name text,
    generation int,
    version int,
    incarnation text,
    state text,
    tables text,
    PRIMARY KEY ((registry), view_name, generation)
) WITH comment = 'generations of views; state is building, live or retired and changes by conditional statements only'
"""

_OFFSETS = """
CREATE TABLE IF NOT EXISTS {views}.offsets (
    view_name text,
    generation int,
    shard int,
    position bigint,
    PRIMARY KEY ((view_name, generation), shard)
) WITH comment = 'how far a shard is folded; written USING TIMESTAMP position, so that it never goes back'
AND compaction = {'class': 'LeveledCompactionStrategy'}
"""

_PARKED = """
CREATE TABLE IF NOT EXISTS {views}.parked (
    view_name text,
    generation int,
    shard int,
    position bigint,
    entity text,
    owner text,
    error text,
    PRIMARY KEY ((view_name, generation), shard, position)
) WITH comment = 'events that could not be folded, by position; their bytes stay in the log'
"""

_ERASED = """
CREATE TABLE IF NOT EXISTS {views}.erased (
    digest blob PRIMARY KEY
) WITH comment = 'digests of erased persons, of whom a build that lags behind must not write rows'
"""

# Rows are overwritten with every fold: levels get rid of old versions soon and keep an entity in a few files.
_FOLD_ROWS = """
CREATE TABLE IF NOT EXISTS {views}.fold_rows (
    entity text,
    view_name text,
    generation int,
    table_name text,
    row_key blob,
    content blob,
    position bigint,
    PRIMARY KEY ((entity), view_name, generation, table_name, row_key)
) WITH comment = 'what folds read again of an entity, and how far it is folded: written as one batch'
AND compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': 160}
AND default_time_to_live = 0
"""

VIEWS_SCHEMA = KeyspaceSchema(
    "views",
    (
        Migration(
            1,
            "registry of generations, offsets, parked events, rows that folds read again",
            Phase.EXPAND,
            (_VIEW_VERSIONS, _OFFSETS, _PARKED, _ERASED, _FOLD_ROWS),
        ),
    ),
)
