"""The embedded store: everything in one data folder, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from typing import ClassVar

from kinelog.journal.copy_mark import require_complete
from kinelog.journal.errors import JournalError
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.sqlite_copy_marks import SqliteCopyMarks
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.errors import MissingMasterKeyError, PrivacyError, WrongMasterKeyError
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.read_side import ReadSide
from kinelog.projections.sqlite_read_side import SqliteReadSide
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.view_store import ViewStore
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.registry.store import ModelStore
from kinelog.service.configuration import DataFolder, Settings, master_key_from
from kinelog.service.errors import ConfigurationError, UnavailableServiceError
from kinelog.service.opened_data import FollowsShards, OpenedData
from kinelog.webhooks.progress_store import ProgressStore
from kinelog.webhooks.sqlite_progress import SqliteProgressStore
from typing_extensions import override

EMBEDDED_SHARDS = 4
"""One file has one writer: more shards only make its commits smaller (16 cost a third more processor time a frame)."""


class EmbeddedData(OpenedData):
    """A data folder."""

    trouble: ClassVar[tuple[type[Exception], ...]] = (sqlite3.Error,)

    def __init__(self, folder: DataFolder, settings: Settings) -> None:
        """Open a data folder, making what is not there.

        Raises:
            ConfigurationError: The master key is missing, or not the one the keys were wrapped with.
            UnavailableServiceError: Keys or log cannot be opened: damaged, or made with another number of shards.
        """
        folder.create()
        self.folder = folder
        with ExitStack() as undo:
            try:
                self.keys = KeyStore.open(folder.keys, master_key_from())
            except (MissingMasterKeyError, WrongMasterKeyError) as error:
                raise ConfigurationError(str(error)) from error
            except PrivacyError as error:
                raise UnavailableServiceError(str(error)) from error
            undo.callback(self.keys.close)
            try:
                self.journal = SqliteJournal(folder.log, shards=settings.shards or shards_of_a_new_log(folder))
                undo.callback(self.journal.close)
                require_complete(SqliteCopyMarks(folder.log).read())
            except JournalError as error:
                raise UnavailableServiceError(str(error)) from error
            undo.pop_all()
        self.codec = EventCodec(self.keys)

    @override
    def view_store(self) -> ViewStore:
        return SqliteViews(self.folder.views)

    @override
    def read_side(self) -> ReadSide:
        return SqliteReadSide(self.folder.views)

    @override
    def model_store(self) -> ModelStore:
        return SqliteModelStore(self.folder.models)

    @override
    def progress_store(self) -> ProgressStore:
        return SqliteProgressStore(self.folder.webhooks, self.journal.incarnation)

    @override
    def cursor_key(self) -> bytes:
        # A folder of an earlier version has a key of its own here, and clients have lists that they page through.
        earlier = self.folder.keys / "cursor.key"
        return earlier.read_bytes() if earlier.exists() else super().cursor_key()

    @override
    def index(self, shards: Sequence[int]) -> FollowsShards | None:
        return None

    @override
    def close(self) -> None:
        self.journal.close()
        self.keys.close()


def shards_of_a_new_log(folder: DataFolder) -> int | None:
    """How many shards a log gets that is about to be made; None if there is one, which has its own number."""
    return None if folder.log.exists() else EMBEDDED_SHARDS
