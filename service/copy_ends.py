"""The two ends of a copy, opened without serving anybody: data folders here, clusters in `copy_cluster`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec
from kinelog.embedded_files.folders import sync_folder
from kinelog.journal.port import Journal
from kinelog.journal.sqlite_copy_marks import SqliteCopyMarks
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy import master_key
from kinelog.privacy.erasure_list import FILE_NAME as ERASURES_NAME
from kinelog.privacy.erasure_list import ErasureList
from kinelog.privacy.errors import PrivacyError
from kinelog.privacy.key_copying import Keys
from kinelog.privacy.key_file import FILE_NAME as KEYS_NAME
from kinelog.privacy.master_key import MasterKey
from kinelog.privacy.sqlite_key_table import SqliteKeyTable
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings, cluster_address, master_key_from
from kinelog.service.copy_end import CopyEnd
from kinelog.service.errors import ConfigurationError, TryAgainError, UnavailableServiceError
from kinelog.service.folder_lock import FolderLock

SQLITE = f"{EMBEDDED}:"

NamedStore = DataFolder | Settings
"""A data folder, or a cluster with what a connection to it needs."""


def named_store(text: str, data: Path, settings: Settings) -> NamedStore:
    """Read the address of a store.

    Args:
        text: `sqlite:FOLDER`, `sqlite` for the data folder, or the address of a cluster.
        data: The data folder.
        settings: Of the connection to a cluster.

    Raises:
        ConfigurationError: It is none of them.
    """
    if text == EMBEDDED:
        return DataFolder(data)
    if text.startswith(SQLITE) and len(text) > len(SQLITE):
        return DataFolder(Path(text.removeprefix(SQLITE)))
    cluster = msgspec.structs.replace(settings, store=text)
    try:
        cluster_address(cluster)
    except ConfigurationError as error:
        raise ConfigurationError(f"{text!r} is no store; write sqlite:FOLDER or cassandra://… ({error})") from error
    return cluster


def shared_master_key(places: Iterable[NamedStore]) -> MasterKey:
    """The master key of both ends: from the environment, or from the first of these data folders that has one.

    Raises:
        ConfigurationError: There is none.
    """
    if (given := master_key_from()) is not None:
        return MasterKey(given)
    for place in places:
        if isinstance(place, DataFolder) and (place.keys / master_key.FILE_NAME).exists():
            try:
                return master_key.load_or_create(place.keys, may_create=False)
            except PrivacyError as error:
                raise ConfigurationError(str(error)) from error
    raise ConfigurationError(
        "keys are copied as they are wrapped, so both ends need one master key: set KINELOG_MASTER_KEY to that of the "
        "source"
    )


@contextmanager
def opened_source(store: NamedStore, master: MasterKey, *, while_running: bool) -> Iterator[CopyEnd]:
    """Open where is copied from.

    Raises:
        TryAgainError: A service has the folder, and it was not said that it may.
        UnavailableServiceError: There is nothing.
    """
    if isinstance(store, Settings):
        from kinelog.service.copy_cluster import opened_cluster

        with opened_cluster(store, None) as end:
            yield end
        return
    if not store.log.is_file() or not (store.keys / KEYS_NAME).is_file():
        raise UnavailableServiceError(f"there are no log and keys in {store.root}: name a data folder")
    with ExitStack() as stack:
        if not while_running:
            stack.enter_context(_alone(store))
        yield stack.enter_context(_folder(store, master, None))


@contextmanager
def opened_destination(store: NamedStore, master: MasterKey, shards: int | None, source: Journal) -> Iterator[CopyEnd]:
    """Open where is copied to; made, with as many shards as asked for or as the source has, if it is not there.

    Raises:
        TryAgainError: A service has the folder.
        IncompatibleStoreError: It is there with another number of shards.
    """
    if isinstance(store, Settings):
        from kinelog.service.copy_cluster import opened_cluster

        with opened_cluster(store, shards, source.shards) as end:
            yield end
        return
    if shards is None and not store.log.exists():
        shards = source.shards
    store.create()
    with FolderLock(store.lock), _folder(store, master, shards) as end:
        yield end


@contextmanager
def _alone(folder: DataFolder) -> Iterator[None]:
    try:
        lock = FolderLock(folder.lock).__enter__()
    except TryAgainError as error:
        raise TryAgainError(
            f"{error.message}; or copy with --while-running now, and once more without it when the service is stopped"
        ) from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


@contextmanager
def _folder(folder: DataFolder, master: MasterKey, shards: int | None) -> Iterator[CopyEnd]:
    with ExitStack() as stack:
        table = stack.enter_context(closing(SqliteKeyTable(folder.keys / KEYS_NAME, master.check)))
        sync_folder(folder.keys)
        journal = stack.enter_context(closing(SqliteJournal(folder.log, shards=shards)))
        keys = Keys(table, ErasureList(folder.keys / ERASURES_NAME))
        yield CopyEnd(f"{EMBEDDED}:{folder.root}", journal, SqliteCopyMarks(folder.log), keys)
