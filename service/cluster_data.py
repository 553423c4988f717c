"""A deployment on a Cassandra cluster: one connection, from which journal, keys and views are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from threading import Event
from typing import ClassVar

from kinelog.actors.region import wall_clock_ms
from kinelog.cassandra_session.driver_connection import connect
from kinelog.cassandra_session.errors import CassandraError, SchemaError
from kinelog.cassandra_session.migrations import require_schema
from kinelog.cassandra_session.schema_readers import SchemaAnnouncement
from kinelog.journal.cassandra.entity_recovery import EntityRecovery
from kinelog.journal.cassandra.indexer import Indexer
from kinelog.journal.cassandra.journal import CassandraJournal, CassandraLog
from kinelog.journal.cassandra.log_identity import identify
from kinelog.journal.cassandra.snapshots import CassandraSnapshots
from kinelog.journal.errors import JournalError
from kinelog.journal.event_codec import EventCodec
from kinelog.privacy import master_key
from kinelog.privacy.cassandra_key_store import has_keys, open_key_store
from kinelog.privacy.errors import MissingMasterKeyError, PrivacyError, WrongMasterKeyError
from kinelog.projections.cassandra.read_side import CassandraReadSide
from kinelog.projections.cassandra.views import CassandraViews
from kinelog.projections.read_side import ReadSide
from kinelog.projections.view_store import ViewStore
from kinelog.service.configuration import (
    DataFolder,
    Settings,
    cluster_address,
    credentials_from,
    master_key_from,
)
from kinelog.service.errors import ConfigurationError, UnavailableServiceError
from kinelog.service.opened_data import OpenedData
from kinelog.service.schemas import SCHEMAS
from typing_extensions import override


class ClusterData(OpenedData):
    """What a process has of a cluster."""

    trouble: ClassVar[tuple[type[Exception], ...]] = (CassandraError,)

    def __init__(self, folder: DataFolder, settings: Settings, *, may_write: bool = True) -> None:
        """Connect; nothing is made but the identity of a log that nobody has opened yet.

        Raises:
            ConfigurationError: The master key is missing, or not the one the keys were wrapped with.
            UnavailableServiceError: The cluster does not answer, its schema is another, or its log has another number
                of shards.
        """
        folder.create()
        self.folder = folder
        with ExitStack() as undo:
            try:
                self.connection = connect(cluster_address(settings), credentials_from(settings))
                undo.callback(self.connection.close)
                require_schema(self.connection, SCHEMAS)
                self._announcement = SchemaAnnouncement(self.connection, SCHEMAS)
                undo.callback(self._announcement.close)
                self.keys = open_key_store(self.connection, self._master_key(), may_write=may_write)
                undo.callback(self.keys.close)
                self._log = CassandraLog(self.connection, identify(self.connection, settings.shards))
                self.journal = self._open_journal()
            except (MissingMasterKeyError, WrongMasterKeyError) as error:
                raise ConfigurationError(str(error)) from error
            except (CassandraError, SchemaError, PrivacyError, JournalError) as error:
                raise UnavailableServiceError(str(error)) from error
            undo.pop_all()
        self.codec = EventCodec(self.keys)

    @override
    def view_store(self) -> ViewStore:
        return CassandraViews(self.connection)

    @override
    def read_side(self) -> ReadSide:
        return CassandraReadSide(self.connection, wall_clock_ms)

    @override
    def index(self, shards: Sequence[int]) -> Callable[[Event], None] | None:
        return Indexer(self._recovery.index, self._log.reader, shards).run

    @override
    def close(self) -> None:
        self.journal.close()
        self.keys.close()
        self._announcement.close()
        self.connection.close()

    def _open_journal(self) -> CassandraJournal:
        identity = self._log.identity
        self._recovery = EntityRecovery(self.connection, identity.incarnation, identity.shards, self._log.reader)
        return CassandraJournal(self._log, self._recovery, CassandraSnapshots(self.connection, identity.incarnation))

    def _master_key(self) -> bytes:
        """The environment's, or that of this machine's folder; a new one is made only while nothing is wrapped yet."""
        return master_key_from() or master_key.load_or_create_bytes(
            self.folder.keys, may_create=not has_keys(self.connection)
        )
