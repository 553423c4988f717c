"""How far announcer and sender came, on a cluster: a tenant's row is changed by conditional statements only."""

from __future__ import annotations

import secrets

import msgspec
from kinelog.cassandra_session.connection import Access, Conditional, Connection, Statement, Value
from kinelog.cassandra_session.errors import CassandraError
from kinelog.cassandra_session.store_errors import until_known
from kinelog.webhooks.progress import Progress
from kinelog.webhooks.progress_store import ProgressStore, progress_of, told_as_unavailable
from typing_extensions import override

TRIES = 3

_ANNOUNCED = Statement("SELECT position FROM {log}.announced WHERE incarnation = ?", Access.READ)
_SAVE_ANNOUNCED = Statement("INSERT INTO {log}.announced (incarnation, position) VALUES (?, ?)", Access.WRITE)
_TENANTS = Statement("SELECT tenant FROM {log}.webhook_tenants WHERE incarnation = ?", Access.READ)
_LIST = Statement("INSERT INTO {log}.webhook_tenants (incarnation, tenant) VALUES (?, ?)", Access.WRITE)
_PROGRESS = Statement("SELECT document FROM {log}.webhook_progress WHERE incarnation = ? AND tenant = ?", Access.READ)
_ADD = Statement(
    "INSERT INTO {log}.webhook_progress (incarnation, tenant, revision, document) VALUES (?, ?, ?, ?) IF NOT EXISTS",
    Access.CONDITIONAL,
)
_SAVE = Statement(
    "UPDATE {log}.webhook_progress SET revision = ?, written = ?, document = ?"
    " WHERE incarnation = ? AND tenant = ? IF revision = ?",
    Access.CONDITIONAL,
)
_WRITTEN = Statement(
    "SELECT written FROM {log}.webhook_progress WHERE incarnation = ? AND tenant = ?", Access.LINEARIZABLE_READ
)


class CassandraProgressStore(ProgressStore):
    """Tables of the log's keyspace, since what they hold is about one log."""

    def __init__(self, connection: Connection, incarnation: str) -> None:
        """Use this connection, which stays its owner's."""
        self._connection = connection
        self._incarnation = incarnation

    @override
    def announced(self) -> int:
        with told_as_unavailable(CassandraError):
            rows = self._connection.ask(_ANNOUNCED, (self._incarnation,))
        return int(rows[0][0] or 0) if rows else 0

    @override
    def save_announced(self, position: int) -> None:
        # Another process may be further: then something is announced twice, which changes nothing.
        with told_as_unavailable(CassandraError):
            self._connection.ask(_SAVE_ANNOUNCED, (self._incarnation, position))

    @override
    def add(self, tenant: str) -> None:
        document = msgspec.json.encode(Progress(tenant=tenant))
        with told_as_unavailable(CassandraError):
            self._conditional(_ADD, (self._incarnation, tenant, 0, document))
            # Behind the row: whoever finds the tenant in the list finds where it stands.
            self._connection.ask(_LIST, (self._incarnation, tenant))

    @override
    def tenants(self) -> list[str]:
        with told_as_unavailable(CassandraError):
            return sorted(str(row[0]) for row in self._connection.ask(_TENANTS, (self._incarnation,)))

    @override
    def progress(self, tenant: str) -> Progress | None:
        with told_as_unavailable(CassandraError):
            rows = self._connection.ask(_PROGRESS, (self._incarnation, tenant))
        document = rows[0][0] if rows else None
        return progress_of(document) if isinstance(document, bytes) else None

    @override
    def save(self, progress: Progress) -> Progress | None:
        stored = msgspec.structs.replace(progress, revision=progress.revision + 1)
        row = (self._incarnation, progress.tenant)
        # Names this write: of two processes that store the same at the same moment, one has to hear that it did not.
        name = secrets.token_hex(8)
        with told_as_unavailable(CassandraError):
            there = self._conditional(
                _SAVE, (stored.revision, name, msgspec.json.encode(stored), *row, progress.revision)
            )
            # Refused, and yet there: an earlier try was applied, and its answer got lost.
            ours = there.applied or self._connection.ask(_WRITTEN, row) == [(name,)]
        return stored if ours else None

    @override
    def close(self) -> None:
        """The connection is its owner's."""

    def _conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
        """Run a conditional write that may be made again, until its outcome is known."""
        return until_known(self._connection, statement, values, TRIES)
