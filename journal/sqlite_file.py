"""The SQLite file of the log: its layout, how it is made and opened, and what its errors mean."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from kinelog.embedded_files.folders import sync_folder
from kinelog.embedded_files.write_ahead import switch_to_write_ahead
from kinelog.journal.errors import (
    CorruptError,
    IncompatibleStoreError,
    JournalError,
    StorageFullError,
    UnavailableError,
    UnknownOutcomeError,
)

LAYOUT = 1
POSITION_BITS = 40
POSITION_MASK = (1 << POSITION_BITS) - 1
MAX_SHARDS = 1 << 20

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE epochs (
    shard INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    head INTEGER NOT NULL,
    owner TEXT NOT NULL
);
CREATE TABLE commits (
    id INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    commit_id BLOB NOT NULL,
    checksum BLOB NOT NULL,
    directory BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE entities (id INTEGER PRIMARY KEY, entity TEXT NOT NULL UNIQUE);
CREATE TABLE entity_runs (
    entity INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    count INTEGER NOT NULL,
    position INTEGER NOT NULL,
    row INTEGER NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (entity, last_sequence)
) WITHOUT ROWID;
CREATE TABLE index_progress (shard INTEGER PRIMARY KEY, position INTEGER NOT NULL);
"""

_NO_ROOM = frozenset(
    {
        sqlite3.SQLITE_FULL,
        # Linux says EFBIG or EDQUOT here, which SQLite does not tell from a broken disk. A frame of the write-ahead
        # log that was not written whole is no commit, so in each case nothing was written.
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
    }
)
_NOT_ANSWERING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
)


class Identity(msgspec.Struct, frozen=True):
    """What a log file says about itself."""

    shards: int
    incarnation: str


def row_id(shard: int, last: int) -> int:
    """Key of a commit's row: shards lie one behind the other, each in order of positions."""
    return shard << POSITION_BITS | last


def connect(path: Path, busy_ms: int) -> sqlite3.Connection:
    """A connection with the settings that durability depends on."""
    connection = sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def open_or_create(path: Path, shards: int | None, page_bytes: int, busy_ms: int) -> Identity:
    """Make the tables if the file is new; what it says about itself.

    Raises:
        IncompatibleStoreError: Another layout or number of shards.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with translated(str(path)):
        connection = connect(path, busy_ms)
        try:
            connection.execute(f"PRAGMA page_size = {page_bytes:d}")
            switch_to_write_ahead(connection, busy_ms / 1000)
            connection.execute("BEGIN IMMEDIATE")
            new = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
            if new:
                _create(connection, shards or 16)
            identity = identity_of(connection, path)
            connection.execute("COMMIT")
        finally:
            connection.close()
    if new:
        sync_folder(path.parent)
    if shards is not None and shards != identity.shards:
        message = (
            f"{path} was made with {identity.shards} shards, not {shards}: start with {identity.shards}, "
            "or copy the log into one with another number"
        )
        raise IncompatibleStoreError(message)
    return identity


def _create(connection: sqlite3.Connection, shards: int) -> None:
    if not 0 < shards <= MAX_SHARDS:
        raise IncompatibleStoreError(f"{shards} shards: choose 1 to {MAX_SHARDS}")
    for statement in filter(str.strip, _TABLES.split(";")):
        connection.execute(statement)
    meta = {"layout": str(LAYOUT), "shards": str(shards), "incarnation": secrets.token_hex(16)}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    connection.executemany("INSERT INTO epochs VALUES (?, 0, 0, '')", ((shard,) for shard in range(shards)))
    connection.executemany("INSERT INTO index_progress VALUES (?, 0)", ((shard,) for shard in range(shards)))


def identity_of(connection: sqlite3.Connection, path: Path) -> Identity:
    """What the open file says about itself.

    Raises:
        IncompatibleStoreError: It is no log, or one of another layout.
    """
    try:
        meta: dict[str, str] = dict(connection.execute("SELECT key, value FROM meta"))
        layout = int(meta["layout"])
        identity = Identity(int(meta["shards"]), meta["incarnation"])
    except (sqlite3.DatabaseError, KeyError, ValueError) as error:
        raise IncompatibleStoreError(f"{path} is no log of this program: name another file") from error
    if layout != LAYOUT:
        message = f"{path} has layout {layout}, this version reads {LAYOUT}: use the version it was written with"
        raise IncompatibleStoreError(message)
    return identity


def meaning_of(error: sqlite3.Error, where: str, *, committing: bool = False) -> JournalError:
    """Our error for SQLite's; while committing, what is neither 'nothing written' for sure is an unknown outcome."""
    code = getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR
    if code in _NO_ROOM:
        return StorageFullError(f"{where}: no room ({error})")
    if code == sqlite3.SQLITE_NOTADB:
        return IncompatibleStoreError(f"{where} is no log of this program: name another file")
    if code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return CorruptError(where, str(error))
    if committing and code & 0xFF not in _NOT_ANSWERING:
        return UnknownOutcomeError(f"{where}: {error}")
    return UnavailableError(f"{where}: {error}")


def damaged(error: sqlite3.IntegrityError, where: str) -> CorruptError:
    """Our error for a row that stands where the heads say none can be."""
    return CorruptError(where, f"heads and commits disagree ({error}); run `kinelog journal verify`")


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn SQLite's errors of reads into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise meaning_of(error, where) from error
