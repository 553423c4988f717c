"""Applying migrations, and refusing to work with a schema that is not the one a program needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import get_args

from kinelog.cassandra_session import keyspaces
from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.errors import MissingTableError, SchemaError
from kinelog.cassandra_session.migration import KeyspaceRole, KeyspaceSchema, Migration, Phase
from kinelog.cassandra_session.schema_lock import Patience, SchemaLock, held
from kinelog.cassandra_session.schema_readers import STILL_S, processes_older_than

_ADVICE = "run `kinelog schema apply` with this version of the program"


def _applied_in(role: KeyspaceRole) -> Statement:
    cql = "SELECT number, phase, description, fingerprint FROM {keyspace}.schema_versions WHERE keyspace_role = ?"
    return Statement(cql.replace("{keyspace}", f"{{{role}}}"), Access.READ)


def _note_in(role: KeyspaceRole) -> Statement:
    cql = (
        "INSERT INTO {keyspace}.schema_versions (keyspace_role, number, phase, description, fingerprint, applied_at)"
        " VALUES (?, ?, ?, ?, ?, toTimestamp(now()))"
    )
    return Statement(cql.replace("{keyspace}", f"{{{role}}}"), Access.WRITE)


_APPLIED: dict[KeyspaceRole, Statement] = {role: _applied_in(role) for role in get_args(KeyspaceRole)}
_NOTE: dict[KeyspaceRole, Statement] = {role: _note_in(role) for role in get_args(KeyspaceRole)}


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """A migration as the keyspace remembers it."""

    number: int
    phase: Phase
    description: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Where a keyspace stands, seen by one program.

    Attributes:
        role: Which keyspace.
        keyspace: Its name.
        known: Number of the newest migration that the program knows.
        exists: Whether it is there at all.
        applied: Migrations that were applied, and that the program knows.
        pending: Those that it knows and that were not applied.
        foreign: Those that were applied by a program that is newer, or another one.
    """

    role: KeyspaceRole
    keyspace: str
    known: int
    exists: bool
    applied: tuple[AppliedMigration, ...]
    pending: tuple[Migration, ...]
    foreign: tuple[AppliedMigration, ...]

    def problem(self) -> str | None:
        """Why a program must not work with it, and what to do; None if it may."""
        if not self.exists:
            return f"keyspace {self.keyspace} is not there: {_ADVICE}"
        for row in self.foreign:
            if row.number <= self.known:
                return (
                    f"migration {row.number} of keyspace {self.keyspace} ({row.description}) is not the one that this "
                    "program knows: it belongs to another program, choose another name in the store's address"
                )
            if row.phase is Phase.CONTRACT:
                return (
                    f"migration {row.number} of keyspace {self.keyspace} ({row.description}) took away what this "
                    "program needs: start a newer version of the program"
                )
        missing = [migration for migration in self.pending if migration.phase is Phase.EXPAND]
        if missing:
            return f"keyspace {self.keyspace} lacks migration {missing[0].number} ({missing[0].description}): {_ADVICE}"
        return None


def schema_status(connection: Connection, schemas: Iterable[KeyspaceSchema]) -> list[SchemaStatus]:
    """Where the keyspaces stand.

    Raises:
        CassandraError: The cluster does not answer, or not to this user.
    """
    return [_status(connection, schema) for schema in schemas]


def require_schema(connection: Connection, schemas: Iterable[KeyspaceSchema]) -> None:
    """Refuse to work with a schema that is older than needed, was contracted by a newer program, or is foreign.

    Newer migrations that only add do no harm, nor do contractions that are yet to come: so programs of two versions can
    run side by side while one replaces the other.

    Raises:
        SchemaError: It is; the message says what to do.
        CassandraError: The cluster does not answer, or not to this user.
    """
    problems = [problem for status in schema_status(connection, schemas) if (problem := status.problem()) is not None]
    if problems:
        raise SchemaError("; ".join(problems))


def apply_schema(
    connection: Connection,
    schemas: Iterable[KeyspaceSchema],
    *,
    data_center: str | None = None,
    patience: Patience | None = None,
    still_s: float = STILL_S,
    told: Callable[[SchemaStatus, Migration], None] = lambda _status, _migration: None,
) -> list[SchemaStatus]:
    """Make the keyspaces if need be, and apply what is pending, one migration after the other.

    Of several appliers at the same time one works and the others find nothing left to do. One that is killed half-way
    is finished by the next: each statement can be run again, and a migration is noted when it is done.

    Args:
        connection: As a user who may change the schema.
        schemas: Of which keyspaces.
        data_center: Where the replicas of a new keyspace go; None takes that of the node that answers.
        patience: With other appliers.
        still_s: How long the announcement of a process must stand still before it counts as gone.
        told: Called after each migration.

    Returns:
        Where the keyspaces stand now.

    Raises:
        SchemaError: A contraction would take something away from a running process; or the schema is foreign.
        CassandraError: The cluster does not answer, or refuses.
    """
    wanted = list(schemas)
    for role in dict.fromkeys(["log", *(schema.role for schema in wanted)]):
        keyspaces.create(connection, role, data_center)
    with held(connection, patience or Patience()) as lock:
        for schema in wanted:
            status = _status(connection, schema)
            if any(row.number <= schema.version for row in status.foreign):
                raise SchemaError(str(status.problem()))
            for migration in status.pending:
                _apply_one(connection, lock, schema.role, migration, still_s)
                told(status, migration)
    return schema_status(connection, wanted)


def _apply_one(
    connection: Connection, lock: SchemaLock, role: KeyspaceRole, migration: Migration, still_s: float
) -> None:
    if migration.phase is Phase.CONTRACT:
        older = processes_older_than(connection, role, migration.number, still_s)
        if older:
            raise SchemaError(
                f"migration {migration.number} ({migration.description}) takes away what running processes use "
                f"({', '.join(older[:5])}): stop them or start newer versions, then apply again"
            )
    lock.require()
    connection.define_all(migration.statements)
    lock.require()
    row = (role, migration.number, migration.phase.value, migration.description, migration.fingerprint)
    connection.ask(_NOTE[role], row)


def _status(connection: Connection, schema: KeyspaceSchema) -> SchemaStatus:
    try:
        rows = connection.ask(_APPLIED[schema.role], (schema.role,))
    except MissingTableError:
        rows = []
    there = {
        int(number or 0): AppliedMigration(int(number or 0), Phase(phase), str(description), str(fingerprint))
        for number, phase, description, fingerprint in rows
    }
    ours = {migration.number: migration.fingerprint for migration in schema.migrations}
    return SchemaStatus(
        schema.role,
        keyspaces.keyspace_of(connection, schema.role),
        schema.version,
        keyspaces.exists(connection, schema.role),
        tuple(row for number, row in sorted(there.items()) if ours.get(number) == row.fingerprint),
        tuple(migration for migration in schema.migrations if migration.number not in there),
        tuple(row for number, row in sorted(there.items()) if ours.get(number) != row.fingerprint),
    )
