"""A deployment on a Cassandra cluster: one connection, from which journal, keys and views are made."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import ClassVar

from kinelog.actors.region import wall_clock_ms
from kinelog.cassandra_session.errors import CassandraError, SchemaError, UnknownWriteError, UnreachableError
from kinelog.cassandra_session.migrations import require_schema
from kinelog.cassandra_session.schema_readers import SchemaAnnouncement
from kinelog.journal.cassandra.copy_marks import CassandraCopyMarks
from kinelog.journal.cassandra.indexer import Indexer
from kinelog.journal.cassandra.opening import open_log
from kinelog.journal.copy_mark import require_complete
from kinelog.journal.errors import JournalError, UnavailableError
from kinelog.journal.event_codec import EventCodec
from kinelog.privacy import master_key
from kinelog.privacy.cassandra_key_store import has_keys, open_key_store
from kinelog.privacy.errors import KeyStoreUnavailableError, MissingMasterKeyError, PrivacyError, WrongMasterKeyError
from kinelog.privacy.master_key import MasterKey
from kinelog.projections.cassandra.cassandra_views import CassandraViews
from kinelog.projections.cassandra.read_side import CassandraReadSide
from kinelog.projections.read_side import ReadSide
from kinelog.projections.view_store import ViewStore
from kinelog.registry.cassandra.model_store import CassandraModelStore
from kinelog.registry.store import ModelStore
from kinelog.service.cassandra_store import connected
from kinelog.service.configuration import (
    DataFolder,
    Settings,
    master_key_from,
)
from kinelog.service.errors import ConfigurationError, UnavailableServiceError
from kinelog.service.opened_data import FollowsShards, OpenedData
from kinelog.service.schemas import SCHEMAS
from kinelog.webhooks.cassandra_progress import CassandraProgressStore
from kinelog.webhooks.progress_store import ProgressStore
from typing_extensions import override

_AWAY = (UnreachableError, UnknownWriteError, UnavailableError, KeyStoreUnavailableError)


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
                self.connection = undo.enter_context(connected(settings))
                require_schema(self.connection, SCHEMAS)
                require_complete(CassandraCopyMarks(self.connection).read())
                self._announcement = SchemaAnnouncement(self.connection, SCHEMAS)
                undo.callback(self._announcement.close)
                self.keys = open_key_store(self.connection, self._master_key(), may_write=may_write)
                undo.callback(self.keys.close)
                self._log = open_log(self.connection, settings.shards)
                self.journal = self._log.journal
            except (MissingMasterKeyError, WrongMasterKeyError) as error:
                raise ConfigurationError(str(error)) from error
            except _AWAY as error:
                message = f"the cluster does not answer, or too few of its nodes do (`nodetool status`): {error}"
                raise UnavailableServiceError(message) from error
            except (CassandraError, SchemaError, PrivacyError, JournalError) as error:
                raise UnavailableServiceError(str(error)) from error
            self._opened = undo.pop_all()
        self.codec = EventCodec(self.keys)

    @override
    def view_store(self) -> ViewStore:
        return CassandraViews(self.connection, self.journal.shards)

    @override
    def read_side(self) -> ReadSide:
        return CassandraReadSide(self.connection, self.journal.shards, wall_clock_ms)

    @override
    def model_store(self) -> ModelStore:
        return CassandraModelStore(self.connection)

    @override
    def progress_store(self) -> ProgressStore:
        return CassandraProgressStore(self.connection, self.journal.incarnation)

    @override
    def index(self, shards: Sequence[int]) -> FollowsShards | None:
        return Indexer(self._log.recovery.index, self._log.log.reader, shards)

    @override
    def close(self) -> None:
        self.journal.close()
        self._opened.close()

    def _master_key(self) -> MasterKey:
        """The environment's, or that of this machine's folder; a new one is made only while nothing is wrapped yet."""
        given = master_key_from()
        if given is not None:
            return MasterKey(given)
        return master_key.load_or_create(self.folder.keys, may_create=not has_keys(self.connection))
