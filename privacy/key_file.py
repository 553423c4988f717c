"""The SQLite file of the key store: its layout, how it is opened, and how rows leave it without a trace."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kinelog.embedded_files.transactions import transaction
from kinelog.embedded_files.write_ahead import switch_to_write_ahead
from kinelog.privacy.errors import ErasureIncompleteError, IncompatibleKeyStoreError, KeyStoreUnavailableError
from kinelog.privacy.file_search import any_in_files

FILE_NAME = "keys.db"
LAYOUT = b"1"
SCRUB_SECONDS = 30.0
"""How long an erasure waits for readers that still hold the old pages."""

_BUSY_MS = 15_000
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS people (
    tenant TEXT NOT NULL,
    pseudonym TEXT NOT NULL,
    key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    name_tag BLOB,
    sealed_name BLOB,
    PRIMARY KEY (tenant, pseudonym)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS people_by_name ON people (name_tag) WHERE name_tag IS NOT NULL;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file (made with mode 0600) with the settings that durability and forgetting depend on."""
    # Only a file that is not there yet: closing a descriptor of one that is would drop the locks under which this
    # process may have it open already (see file_search).
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    # Deleted cells and freed pages are overwritten with zeros; without it a deleted key stays in the file for years.
    connection.execute("PRAGMA secure_delete = ON")
    switch_to_write_ahead(connection, _BUSY_MS / 1000)
    connection.execute("PRAGMA synchronous = FULL")
    # VACUUM copies live rows through a temporary file otherwise.
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def create(connection: sqlite3.Connection, check: bytes) -> bytes:
    """Make the tables if there are none; the check value of the master key that the store belongs to.

    Raises:
        IncompatibleKeyStoreError: The file has another layout.
    """
    with transaction(connection):
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('layout', ?), ('check', ?)", (LAYOUT, check))
        meta: dict[str, bytes] = dict(connection.execute("SELECT key, value FROM meta"))
    if meta["layout"] != LAYOUT:
        message = f"the key store has layout {meta['layout']!r}, this version reads {LAYOUT!r}: use the version of then"
        raise IncompatibleKeyStoreError(message)
    return meta["check"]


@contextmanager
def answering(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a locked, full or broken file into our error."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise KeyStoreUnavailableError(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise IncompatibleKeyStoreError(f"{path} is no key store: {error}") from error


def erase(path: Path, people: Iterable[tuple[str, str]]) -> int:
    """Delete people so that no byte of their wrapped keys and names is left in the file or its log; how many.

    Needs no master key. Idempotent, and finishes what an earlier call that was killed left behind.

    Raises:
        ErasureIncompleteError: Readers kept old pages alive for longer than `SCRUB_SECONDS`.
    """
    connection = connect(path)
    try:
        unfinished = _scrub_is_due(connection)
        traces, erased = _delete(connection, people)
        if erased or unfinished:
            # A killed erasure left no note of which bytes to look for, so only a rewrite of the file is sure.
            _scrub(connection, path, None if unfinished else traces)
        return erased
    finally:
        connection.close()


def _delete(connection: sqlite3.Connection, people: Iterable[tuple[str, str]]) -> tuple[list[bytes], int]:
    """Delete rows and note, in the same transaction, that the file must be scrubbed; what the rows held."""
    traces: list[bytes] = []
    erased = 0
    with transaction(connection):
        for person in people:
            row = connection.execute(
                "SELECT wrapped, name_tag, sealed_name FROM people WHERE tenant = ? AND pseudonym = ?", person
            ).fetchone()
            if row is None:
                continue
            traces += [value for value in row if value is not None]
            connection.execute("DELETE FROM people WHERE tenant = ? AND pseudonym = ?", person)
            erased += 1
        if erased:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('scrub', X'01')")
    return traces, erased


def _scrub(connection: sqlite3.Connection, path: Path, traces: Sequence[bytes] | None) -> None:
    deadline = time.monotonic() + SCRUB_SECONDS
    _empty_wal(connection, deadline)
    # secure_delete zeroes the cell that is deleted; that no page holds an older copy of it (moved when pages split,
    # or written by a build without secure_delete) is not promised. So look, and rewrite the file if one does.
    if traces is None or _any_in_file(path, traces):
        connection.execute("VACUUM")
        _empty_wal(connection, deadline)
        if traces is not None and _any_in_file(path, traces):
            raise ErasureIncompleteError(f"{path} still holds bytes of an erased key after it was rewritten")
    with transaction(connection):
        connection.execute("DELETE FROM meta WHERE key = 'scrub'")


def _scrub_is_due(connection: sqlite3.Connection) -> bool:
    has_meta = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is not None
    return has_meta and connection.execute("SELECT 1 FROM meta WHERE key = 'scrub'").fetchone() is not None


def _empty_wal(connection: sqlite3.Connection, deadline: float) -> None:
    """Move the log into the file and truncate it; waits (in SQLite's busy handler) for readers of old pages."""
    while True:
        blocked, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not blocked:
            return
        if time.monotonic() >= deadline:
            raise ErasureIncompleteError(
                "the key was deleted, but a reader keeps the write-ahead log of the key store alive: "
                "close long readers and erase again"
            )


def _any_in_file(path: Path, traces: Sequence[bytes]) -> bool:
    try:
        return any_in_files([path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))], traces)
    except OSError as error:
        raise ErasureIncompleteError(f"{path} could not be searched for an erased key: {error}; erase again") from error
