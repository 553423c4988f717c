"""Copies of the log and of the keys while the service runs, kept apart.

The log's backups hold nobody's name and nothing that opens without keys, so they may be many and old. Keys are backed
up elsewhere, and a list of erasures is never in a backup: it is what keeps an old one from bringing anybody back.
Snapshots and views are not backed up; both come from the log.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
from kinelog.journal.backup_folder import (
    FORMAT,
    BackupError,
    Manifest,
    appearing_whole,
    copy_while_in_use,
    hash_of,
    read_manifest,
    write_manifest,
)
from kinelog.journal.sqlite_file import identity_of
from kinelog.journal.sqlite_journal import FILE_NAME as LOG_NAME
from kinelog.privacy.erasure_list import ErasureList
from kinelog.privacy.key_file import FILE_NAME as KEYS_NAME
from kinelog.privacy.key_store import apply_erasures


def back_up_log(log: Path, into: Path, now_ms: int) -> Path:
    """Copy the log into a new folder in `into`; the folder.

    Args:
        log: The log's file.
        into: Folder of backups.
        now_ms: Unix milliseconds.

    Raises:
        BackupError: There is no log, or such a backup exists already.
        JournalError: The log does not answer, or there is no room.
    """
    final = into / f"log-{now_ms}"
    with appearing_whole(final) as draft:
        copy_while_in_use(log, draft / LOG_NAME)
        connection = sqlite3.connect(draft / LOG_NAME)
        try:
            identity = identity_of(connection, draft / LOG_NAME)
            heads = tuple(head for (head,) in connection.execute("SELECT head FROM epochs ORDER BY shard"))
        finally:
            connection.close()
        manifest = Manifest(
            format=FORMAT,
            kind="log",
            made_ms=now_ms,
            files={LOG_NAME: hash_of(draft / LOG_NAME)},
            incarnation=identity.incarnation,
            heads=heads,
        )
        write_manifest(draft, manifest)
    return final


def back_up_keys(keys: Path, into: Path, now_ms: int) -> Path:
    """Copy the wrapped keys of the folder `keys` into a new folder in `into`; the folder.

    The master key and the list of erasures do not come along. To be called after `back_up_log`: then every event in
    the log's backup has its key in this one.

    Raises:
        BackupError: There are no keys, or such a backup exists already.
        JournalError: The key store does not answer, or there is no room.
    """
    final = into / f"keys-{now_ms}"
    with appearing_whole(final) as draft:
        copy_while_in_use(keys / KEYS_NAME, draft / KEYS_NAME)
        files = {KEYS_NAME: hash_of(draft / KEYS_NAME)}
        write_manifest(draft, Manifest(format=FORMAT, kind="keys", made_ms=now_ms, files=files))
    return final


def purge_keys(backup: Path, erasures: Path) -> int:
    """Remove everybody in a list of erasures from a backup of keys, for good; how many were still in it.

    Raises:
        BackupError: It is no whole backup of keys, or there is no such list.
    """
    manifest = read_manifest(backup, "keys")
    if not erasures.is_file():
        raise BackupError(f"there is no list of erasures {erasures}")
    purged = apply_erasures(backup, ErasureList(erasures))
    # The hash of a killed purge is the old one: reading it would refuse the backup, so a rewrite is always due.
    write_manifest(backup, msgspec.structs.replace(manifest, files={KEYS_NAME: hash_of(backup / KEYS_NAME)}))
    return purged
