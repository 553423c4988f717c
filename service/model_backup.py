"""A copy of the embedded model store while others use it, and its way back into a data folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kinelog.embedded_files.folders import sync_folder
from kinelog.journal.backup_folder import (
    FORMAT,
    Manifest,
    appearing_whole,
    copy_while_in_use,
    hash_of,
    read_manifest,
    write_manifest,
)
from kinelog.registry.sqlite_file import FILE_NAME
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.service.configuration import DataFolder


def back_up_models(models: Path, into: Path, now_ms: int) -> Path | None:
    """Copy the model store into a new folder in `into`; the folder, or None while there is no store.

    It names nobody and opens without keys, so it may lie beside backups of the log. The key that signs is not in it.

    Raises:
        BackupError: Such a backup exists already.
        JournalError: The store does not answer, or there is no room.
    """
    if not models.is_file():
        return None
    final = into / f"models-{now_ms}"
    with appearing_whole(final) as draft:
        copy_while_in_use(models, draft / FILE_NAME)
        files = {FILE_NAME: hash_of(draft / FILE_NAME)}
        write_manifest(draft, Manifest(format=FORMAT, kind="models", made_ms=now_ms, files=files))
    return final


def put_models_back(backup: Path, folder: DataFolder) -> None:
    """Put the model store of a backup into a data folder that has none, durably; its versions go on far above.

    Raises:
        BackupError: It is no whole backup of models.
    """
    read_manifest(backup, "models")
    folder.models.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder.models, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (backup / FILE_NAME).open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        shutil.copyfileobj(reader, writer)
        writer.flush()
        os.fsync(writer.fileno())
    with SqliteModelStore(folder.models) as store:
        store.begin_anew()
    sync_folder(folder.models.parent)
