"""Journals on a real node, each store in keyspaces of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.driver_connection import DriverConnection, connect
from kinelog.cassandra_session.migrations import apply_schema
from kinelog.journal.cassandra.entity_recovery import EntityRecovery
from kinelog.journal.cassandra.journal import COMMIT_BYTES, CassandraJournal, CassandraLog
from kinelog.journal.cassandra.log_identity import identify
from kinelog.journal.cassandra.procedures import BUCKET_BYTES
from kinelog.journal.cassandra.schema import LOG_SCHEMA
from kinelog.journal.cassandra.snapshots import CassandraSnapshots
from typing_extensions import override

from cassandra_server.configuration import Address
from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode

TABLES = ("meta", "log", "entity_events", "index_offsets", "snapshots", "snapshot_entities")


class ClosingJournal(CassandraJournal):
    """A journal that closes the connection that was made for it."""

    connection: Connection

    @override
    def close(self) -> None:
        super().close()
        self.connection.close()


@dataclass
class CassandraStore:
    """One store: its journals share keyspaces, and each has a connection of its own.

    Attributes:
        address: The node.
        prefix: Of the keyspaces.
        bucket_bytes: When a bucket is full.
        commit_bytes: Largest commit.
        shards: What it is made with.
    """

    address: Address
    prefix: str
    bucket_bytes: int = BUCKET_BYTES
    commit_bytes: int = COMMIT_BYTES
    shards: int = 16
    opened: list[ClosingJournal] = field(default_factory=list)

    def connect(self, clock_us: Callable[[], int] | None = None) -> DriverConnection:
        """A connection; plain writes are stamped by the clock."""
        url = CassandraAddress((self.address.host,), self.address.port, self.prefix)
        return connect(url, clock_us=clock_us)

    def create(self) -> None:
        """Make the keyspace and its tables."""
        connection = self.connect()
        try:
            apply_schema(connection, (LOG_SCHEMA,))
            identify(connection, self.shards)
        finally:
            connection.close()

    def open(
        self,
        shards: int | None = None,
        clock_us: Callable[[], int] | None = None,
        between: Callable[[Connection], Connection] = lambda connection: connection,
    ) -> ClosingJournal:
        """A journal on the store; `between` may put something between it and the cluster."""
        connection = between(self.connect(clock_us))
        try:
            identity = identify(connection, shards)
        except Exception:
            connection.close()
            raise
        log = CassandraLog(connection, identity, bucket_bytes=self.bucket_bytes)
        journal = ClosingJournal(
            log,
            EntityRecovery(connection, identity.incarnation, identity.shards, log.reader),
            CassandraSnapshots(connection, identity.incarnation),
            commit_bytes=self.commit_bytes,
        )
        journal.connection = connection
        self.opened.append(journal)
        return journal

    def empty(self) -> None:
        """Begin again with nothing, which takes a tenth of the time that new tables take."""
        self.close()
        connection = self.connect()
        try:
            for table in TABLES:
                connection.define(f"TRUNCATE {{log}}.{table}")
            identify(connection, self.shards)
        finally:
            connection.close()

    def close(self) -> None:
        """Close all journals that were opened."""
        while self.opened:
            self.opened.pop().close()


@contextmanager
def closing(store: CassandraStore) -> Iterator[CassandraStore]:
    """Close what was opened."""
    try:
        yield store
    finally:
        store.close()


@contextmanager
def cassandra_store(
    node: SharedNode, session: CqlSession, bucket_bytes: int = BUCKET_BYTES, shards: int = 16
) -> Iterator[CassandraStore]:
    """An empty store, with its tables, that is dropped afterwards."""
    prefix = f"t_journal_{secrets.token_hex(4)}"
    with closing(CassandraStore(node.address, prefix, bucket_bytes, shards=shards)) as store:
        store.create()
        try:
            yield store
        finally:
            store.close()
            session.drop_keyspaces(prefix)
