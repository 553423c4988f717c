"""The SQLite file of the model store: its layout, how it is opened, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kinelog.embedded_files.folders import sync_folder
from kinelog.embedded_files.transactions import transaction
from kinelog.embedded_files.write_ahead import switch_to_write_ahead
from kinelog.registry.errors import IncompatibleRegistryError, RegistryUnavailableError

FILE_NAME = "registry.sqlite"
LAYOUT = 1
BUSY_MS = 15_000

_NO_STORE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})

_MAY_BE_NULL = frozenset({"endorser", "endorsement"})

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE publications (
    number INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL, cluster TEXT NOT NULL, sensors TEXT NOT NULL, version INTEGER NOT NULL,
    manifest BLOB NOT NULL, key_id TEXT NOT NULL, signature BLOB NOT NULL,
    blob TEXT NOT NULL REFERENCES blobs (sha256), origin INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    UNIQUE (tenant, cluster, sensors, version)
) STRICT;
CREATE INDEX publications_by_blob ON publications (tenant, blob);
CREATE TABLE challengers (
    tenant TEXT NOT NULL, cluster TEXT NOT NULL, sensors TEXT NOT NULL,
    draft BLOB NOT NULL, blob TEXT NOT NULL REFERENCES blobs (sha256), at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, cluster, sensors)
) STRICT;
CREATE TABLE populations (
    tenant TEXT NOT NULL, cluster TEXT NOT NULL, sensors TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (tenant, cluster, sensors)
) STRICT;
CREATE TABLE runs (
    place INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, at_ms INTEGER NOT NULL, record BLOB NOT NULL
) STRICT;
CREATE TABLE confirmations (
    tenant TEXT NOT NULL, cluster TEXT NOT NULL, sensors TEXT NOT NULL, set_hash TEXT NOT NULL, use TEXT NOT NULL,
    PRIMARY KEY (tenant, cluster, sensors, set_hash, use)
) WITHOUT ROWID, STRICT;
CREATE TABLE leases (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, token INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    held INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE TABLE keys (
    place INTEGER PRIMARY KEY, key_id TEXT NOT NULL UNIQUE, public BLOB NOT NULL,
    endorser TEXT, endorsement BLOB, retired INTEGER NOT NULL DEFAULT 0
) STRICT;
"""

# Came after the first layout, which it leaves as it was: an earlier version goes on with the file, and what it puts
# counts as put long ago.
_PUTS = "CREATE TABLE IF NOT EXISTS blob_puts (sha256 TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID, STRICT"


def open_or_create(path: Path) -> sqlite3.Connection:
    """Open the file (made with mode 0600) with the settings that durability depends on.

    Raises:
        RegistryUnavailableError: It does not answer.
        IncompatibleRegistryError: It is no model store, or one of another layout.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise RegistryUnavailableError(f"{path}: {error.strerror}") from error
    with answering(path):
        connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        connection.row_factory = _whole_row
        try:
            switch_to_write_ahead(connection, BUSY_MS / 1000)
            # In WAL mode anything less loses the last commits with the power: a phone may have seen them already.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            with transaction(connection):
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                    _create(connection)
                require_layout(connection, path)
                connection.execute(_PUTS)
        except BaseException:
            connection.close()
            raise
    sync_folder(path.parent)
    return connection


def require_layout(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is no model store of this layout.

    Raises:
        IncompatibleRegistryError: It is not.
    """
    try:
        found = connection.execute("SELECT value FROM meta WHERE key = 'model_store_layout'").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        found = None  # there is no table of that name
    if found is None:
        raise IncompatibleRegistryError(f"{path} is no model store: name another file")
    if found[0] != str(LAYOUT):
        message = f"{path} has layout {found[0]}, this version reads {LAYOUT}: use the version it was written with"
        raise IncompatibleRegistryError(message)


@contextmanager
def answering(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into those of the model store."""
    try:
        yield
    except sqlite3.Error as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in _NO_STORE:
            raise IncompatibleRegistryError(f"{path} is no model store, or damaged: restore it ({error})") from error
        raise RegistryUnavailableError(f"{path}: {error}") from error


def _whole_row(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> tuple[object, ...]:
    """The row; SQLite itself gives no error where damage has turned a value that must be there into none.

    Raises:
        sqlite3.DatabaseError: It has.
    """
    if None in row:
        for (name, *_), value in zip(cursor.description, row, strict=True):
            if value is None and name not in _MAY_BE_NULL:
                error = sqlite3.DatabaseError(f"{name} is missing where none can be")
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
    return row


def _create(connection: sqlite3.Connection) -> None:
    for statement in filter(str.strip, _TABLES.split(";")):
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('model_store_layout', ?)", (str(LAYOUT),))
