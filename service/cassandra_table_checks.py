"""What `kinelog doctor` looks at in the tables of a deployment."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import MissingTableError
from kinelog.cassandra_session.keyspaces import keyspace_of
from kinelog.cassandra_session.migrations import schema_status
from kinelog.service.configuration import Settings
from kinelog.service.findings import Finding, Verdict
from kinelog.service.schemas import SCHEMAS

FUTURE_MS = 1_000

_META = Statement("SELECT key, value FROM {log}.meta", Access.READ)
_STATICS = Statement("SELECT DISTINCT shard, bucket, writetime(epoch), writetime(head) FROM {log}.log", Access.READ)
_TABLES = Statement(
    "SELECT table_name, toJson(compaction), gc_grace_seconds, default_time_to_live FROM system_schema.tables"
    " WHERE keyspace_name = ?",
    Access.READ,
)
_CREATED = re.compile(r"CREATE TABLE IF NOT EXISTS \{\w+\}\.(\w+)")
_CLASS = re.compile(r"compaction\s*=\s*\{\s*'class'\s*:\s*'(\w+)'")
_GRACE = re.compile(r"gc_grace_seconds\s*=\s*(\d+)")


def examine_tables(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """Schema, number of shards, the fenced statics, and options of tables; without a schema only that is said.

    Raises:
        CassandraError: The cluster does not answer, or not to this user.
    """
    schema = check_schema(connection)
    yield schema
    if schema.verdict is Verdict.WELL:
        yield check_shards(connection, settings)
        yield check_statics(connection)
        yield check_options(connection)


def check_schema(connection: Connection) -> Finding:
    """The tables are those that this program needs."""
    statuses = schema_status(connection, SCHEMAS)
    found = ", ".join(f"{each.keyspace} at {len(each.applied) + len(each.foreign)}" for each in statuses)
    problems = [problem for each in statuses if (problem := each.problem()) is not None]
    if problems:
        return Finding("schema", Verdict.ILL, found, "; ".join(problems))
    waiting = [each.keyspace for each in statuses if each.pending]
    if waiting:
        advice = "when every process runs this version: `kinelog schema apply` takes away what nobody needs any more"
        return Finding("schema", Verdict.WELL, found, advice)
    return Finding("schema", Verdict.WELL, found)


def check_shards(connection: Connection, settings: Settings) -> Finding:
    """The log has as many shards as the settings say."""
    meta = {str(key): str(value) for key, value in connection.ask(_META)}
    if "shards" not in meta:
        return Finding("shards", Verdict.WELL, "no log was made yet")
    found = f"{meta['shards']} shards, layout {meta.get('layout')}"
    if settings.shards is not None and str(settings.shards) != meta["shards"]:
        advice = f"set shards to {meta['shards']}, or copy the log into a store with {settings.shards}"
        return Finding("shards", Verdict.ILL, found, advice)
    return Finding("shards", Verdict.WELL, found)


def check_statics(connection: Connection, clock: Callable[[], float] = time.time) -> Finding:
    """No column that fences the log was written in the future.

    Conditional writes do not go backwards in time by themselves. A column that an ordinary write stamped ahead of time
    makes later commits answer that they were applied while nothing changes.
    """
    limit = (clock() * 1000 + FUTURE_MS) * 1000
    try:
        rows = connection.ask(_STATICS)
    except MissingTableError:
        rows = []
    ahead = [f"{shard!r}/{bucket!r}" for shard, bucket, *times in rows if any((int(at or 0)) > limit for at in times)]
    found = f"{len(rows)} buckets, {len(ahead)} with a head or epoch written in the future"
    if ahead:
        advice = (
            f"shard/bucket {', '.join(ahead[:5])}: stop the service, let the clocks of all nodes pass that time or "
            "copy the log into a new store, run `kinelog journal verify`, and find who writes without a condition"
        )
        return Finding("fence", Verdict.ILL, found, advice)
    return Finding("fence", Verdict.WELL, found)


def check_options(connection: Connection) -> Finding:
    """Nobody changed what the tables' options are for."""
    drifted: list[str] = []
    for schema in SCHEMAS:
        there = {str(row[0]): row for row in connection.ask(_TABLES, (keyspace_of(connection, schema.role),))}
        for statement in (each for migration in schema.migrations for each in migration.statements):
            created = _CREATED.search(statement)
            if created is None or created[1] not in there:
                continue
            _, compaction, grace, lifetime = there[created[1]]
            name = f"{keyspace_of(connection, schema.role)}.{created[1]}"
            wanted, wanted_grace = _CLASS.search(statement), _GRACE.search(statement)
            is_class = str(json.loads(str(compaction)).get("class", "")).rpartition(".")[2]
            if lifetime:
                drifted.append(f"{name} WITH default_time_to_live = 0")
            if wanted is not None and is_class != wanted[1]:
                drifted.append(f"{name} WITH compaction = {{'class': '{wanted[1]}', …}}")
            if wanted_grace is not None and str(grace) != wanted_grace[1]:
                drifted.append(f"{name} WITH gc_grace_seconds = {wanted_grace[1]}")
    if not drifted:
        return Finding("options", Verdict.WELL, "tables have the options that they were made with")
    verdict = Verdict.ILL if any("time_to_live" in each for each in drifted) else Verdict.WARNING
    advice = "; ".join(f"ALTER TABLE {each}" for each in drifted)
    return Finding("options", verdict, f"{len(drifted)} options were changed", advice)
