"""A log on a cluster, opened: its parts are made for one another here, and nowhere else."""

from __future__ import annotations

from typing import NamedTuple

from kinelog.cassandra_session.connection import Connection
from kinelog.journal.cassandra.entity_recovery import EntityRecovery
from kinelog.journal.cassandra.indexer import Indexer
from kinelog.journal.cassandra.journal import CassandraJournal, CassandraLog
from kinelog.journal.cassandra.log_identity import identify
from kinelog.journal.cassandra.snapshots import CassandraSnapshots


class OpenedLog(NamedTuple):
    """A log and what serves it. The connection stays its owner's: close it after the journal."""

    log: CassandraLog
    recovery: EntityRecovery
    journal: CassandraJournal

    def indexer(self) -> Indexer:
        """What copies all shards into the index of entities."""
        return Indexer(self.recovery.index, self.log.reader, range(self.journal.shards))


def open_log(connection: Connection, shards: int | None) -> OpenedLog:
    """Open a log whose tables are there; nobody owns anything of it yet.

    Args:
        connection: The cluster.
        shards: How many the log must have; None for any number.

    Raises:
        IncompatibleStoreError: The log has another layout or number of shards.
        UnavailableError: The cluster does not answer.
    """
    identity = identify(connection, shards)
    log = CassandraLog(connection, identity)
    recovery = EntityRecovery(connection, identity.incarnation, identity.shards, log.reader)
    snapshots = CassandraSnapshots(connection, identity.incarnation)
    return OpenedLog(log, recovery, CassandraJournal(log, recovery, snapshots))
