"""A data folder, opened: its journal, its keys, and what seals events with them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from kinelog.journal.copy_mark import require_complete
from kinelog.journal.errors import JournalError
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.sqlite_copy_marks import SqliteCopyMarks
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.errors import MissingMasterKeyError, PrivacyError, WrongMasterKeyError
from kinelog.privacy.key_store import KeyStore
from kinelog.service.configuration import DataFolder, Settings, master_key_from
from kinelog.service.errors import ConfigurationError, UnavailableServiceError

EMBEDDED_SHARDS = 4
"""One file has one writer: more shards only make its commits smaller (16 cost a third more processor time a frame)."""


@dataclass(frozen=True, slots=True)
class OpenedData:
    """Journal, keys and codec of one data folder; closes them in the order that loses nothing."""

    folder: DataFolder
    journal: SqliteJournal
    keys: KeyStore
    codec: EventCodec

    @classmethod
    def open(cls, folder: DataFolder, settings: Settings) -> Self:
        """Open a data folder, making what is not there.

        Raises:
            ConfigurationError: The master key is missing, or not the one the keys were wrapped with.
            UnavailableServiceError: Keys or log cannot be opened: damaged, or made with another number of shards.
        """
        folder.create()
        with ExitStack() as undo:
            try:
                keys = KeyStore.open(folder.keys, master_key_from())
            except (MissingMasterKeyError, WrongMasterKeyError) as error:
                raise ConfigurationError(str(error)) from error
            except PrivacyError as error:
                raise UnavailableServiceError(str(error)) from error
            undo.callback(keys.close)
            try:
                journal = SqliteJournal(folder.log, shards=settings.shards or shards_of_a_new_log(folder))
                undo.callback(journal.close)
                require_complete(SqliteCopyMarks(folder.log).read())
            except JournalError as error:
                raise UnavailableServiceError(str(error)) from error
            undo.pop_all()
        return cls(folder, journal, keys, EventCodec(keys))

    def close(self) -> None:
        """Close the journal first: its last commits may still need nothing of the keys, but readers do."""
        self.journal.close()
        self.keys.close()

    def __enter__(self) -> Self:
        """Already open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def shards_of_a_new_log(folder: DataFolder) -> int | None:
    """How many shards a log gets that is about to be made; None if there is one, which has its own number."""
    return None if folder.log.exists() else EMBEDDED_SHARDS
