"""A data folder from backups of log and keys: another incarnation, old owners fenced off, the erased stay erased."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
from kinelog.embedded_files.folders import sync_folder
from kinelog.embedded_files.write_ahead import switch_to_write_ahead
from kinelog.journal.backup_folder import BackupError, appearing_whole, read_manifest
from kinelog.journal.sqlite_file import connect, translated
from kinelog.journal.sqlite_inspection import verify_file
from kinelog.journal.sqlite_journal import FILE_NAME as LOG_NAME
from kinelog.journal.verification import Report
from kinelog.privacy.erasure_list import FILE_NAME as ERASURES_NAME
from kinelog.privacy.erasure_list import ErasureList
from kinelog.privacy.key_file import FILE_NAME as KEYS_NAME
from kinelog.privacy.key_store import apply_erasures
from kinelog.privacy.master_key import FILE_NAME as MASTER_KEY_NAME

BUSY_MS = 1_000
EPOCHS_LIFTED = 1 << 20
"""How far epochs are raised: further than the timeline that is given up can have come since the backup."""


class Restored(msgspec.Struct, frozen=True):
    """What was restored.

    Attributes:
        report: The verification of the log, with the incarnation that it has now.
        erased: People whom the backup of keys still had and who were erased since.
    """

    report: Report
    erased: int


def restore(
    target: Path,
    log: Path,
    keys: Path | None,
    erasures: Path | None,
    master_key: Path | None = None,
    finish: Callable[[Path], None] = lambda _folder: None,
) -> Restored:
    """Make the data folder `target` from backups; it appears only when everything was verified.

    Args:
        target: A folder that is empty or not there.
        log: A backup of a log.
        keys: A backup of keys, or None: then nothing opens until keys are put there.
        erasures: The newest list of erasures, or None if nobody was ever erased.
        master_key: The file `master.key`, or None: then the environment gives it, or it is put there later.
        finish: Called with the folder before it appears, to put in what is neither log nor keys; if it raises, nothing
            appears.

    Raises:
        BackupError: A backup is not whole, the target is not empty, or the log in the backup is damaged.
    """
    read_manifest(log, "log")
    if keys is not None:
        read_manifest(keys, "keys")
    for file in (erasures, master_key):
        if file is not None and not file.is_file():
            raise BackupError(f"there is no file {file}")
    with appearing_whole(target) as draft:
        (draft / "log").mkdir(mode=0o700)
        (draft / "keys").mkdir(mode=0o700)
        _copy(log / LOG_NAME, draft / "log" / LOG_NAME)
        report = verify_file(draft / "log" / LOG_NAME, lambda _events: None)
        if not report.sound:
            first = report.findings[0]
            raise BackupError(
                f"the log in {log} is damaged: shard {first.shard}, position {first.position}: {first.detail}"
            )
        report = msgspec.structs.replace(report, incarnation=_begin_anew(draft / "log" / LOG_NAME))
        erased = _restore_keys(draft / "keys", keys, erasures)
        if master_key is not None:
            _copy(master_key, draft / "keys" / MASTER_KEY_NAME)
        finish(draft)
        sync_folder(draft / "log")
        sync_folder(draft / "keys")
    return Restored(report, erased)


def _begin_anew(log: Path) -> str:
    """Give the log an identity of its own, and epochs beyond those of the timeline that is given up; the identity.

    A process that still holds a shard of that timeline can then neither commit nor answer, and views and snapshots
    of that timeline are recognised as foreign.
    """
    incarnation = secrets.token_hex(16)
    with translated(str(log)):
        connection = connect(log, busy_ms=BUSY_MS)
        try:
            switch_to_write_ahead(connection, BUSY_MS / 1000)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE meta SET value = ? WHERE key = 'incarnation'", (incarnation,))
            connection.execute("UPDATE epochs SET epoch = epoch + ?, owner = ''", (EPOCHS_LIFTED,))
            connection.execute("COMMIT")
        finally:
            connection.close()
    return incarnation


def _restore_keys(folder: Path, keys: Path | None, erasures: Path | None) -> int:
    if keys is not None:
        _copy(keys / KEYS_NAME, folder / KEYS_NAME)
    if erasures is None:
        return 0
    _copy(erasures, folder / ERASURES_NAME)
    # Before anything can open the folder: an old backup of keys must not bring anybody back, not for a moment.
    return apply_erasures(folder, ErasureList(folder / ERASURES_NAME)) if keys is not None else 0


def _copy(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        shutil.copyfileobj(reader, writer)
        writer.flush()
        os.fsync(writer.fileno())
