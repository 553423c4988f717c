"""Snapshots in a SQLite file of their own, so that they cost the log no fsync.

A power cut may lose the last ones and never leaves half of one (`synchronous=NORMAL` in WAL mode). They can all be
thrown away: the events say everything.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from kinelog.embedded_files.write_ahead import switch_to_write_ahead
from kinelog.journal.records import Snapshot
from kinelog.journal.sqlite_file import translated

FILE_NAME = "snapshots.db"
KEPT = 2

_log = logging.getLogger(__name__)
_DECODER = msgspec.msgpack.Decoder(Snapshot)
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots (
    entity TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    checksum BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (entity, sequence)
);
"""


class SnapshotFile:
    """The newest two snapshots of each entity. Thread-safe, for several processes."""

    def __init__(self, path: Path, incarnation: str, busy_ms: int) -> None:
        """Name the file; it is opened or made with the first use."""
        self._path = path
        self._incarnation = incarnation
        self._busy_ms = busy_ms
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, and only the newest two of its entity."""
        content = msgspec.msgpack.encode(snapshot)
        with self._use() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)",
                (snapshot.entity, snapshot.sequence, _checksum(content), content),
            )
            connection.execute(
                "DELETE FROM snapshots WHERE entity = ?1 AND sequence NOT IN "
                "(SELECT sequence FROM snapshots WHERE entity = ?1 ORDER BY sequence DESC LIMIT ?2)",
                (snapshot.entity, KEPT),
            )

    def newest(self, entity: str) -> list[Snapshot]:
        """Up to two, newest first; damaged ones are left out (the events say the same)."""
        with self._use() as connection:
            rows = connection.execute(
                "SELECT sequence, checksum, content FROM snapshots WHERE entity = ? ORDER BY sequence DESC", (entity,)
            ).fetchall()
        found = []
        for sequence, checksum, content in rows:
            if _checksum(content) == checksum:
                found.append(_DECODER.decode(content))
            else:
                _log.warning("the snapshot of %s at %d is damaged and is left out", entity, sequence)
        return found

    def discard(self, person_entity: str) -> None:
        """Delete the snapshots of a person and of their sessions, and empty the write-ahead log of them."""
        with self._use() as connection:
            connection.execute(
                # '0' follows '/': everything that begins with the person and a slash.
                "DELETE FROM snapshots WHERE entity = ?1 OR (entity > ?1 || '/' AND entity < ?1 || '0')",
                (person_entity,),
            )
            # Best effort: they are sealed under a key that is about to be destroyed, so leftovers open for nobody.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(str(self._path)):
            if self._connection is None:
                self._connection = self._open()
            yield self._connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._busy_ms / 1000, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA secure_delete = ON")
        switch_to_write_ahead(connection, self._busy_ms / 1000)
        connection.execute("PRAGMA synchronous = NORMAL")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(statement)
            row = connection.execute("SELECT value FROM meta WHERE key = 'incarnation'").fetchone()
            if row is None or row[0] != self._incarnation:
                # Positions and sequences of another timeline mean nothing here.
                connection.execute("DELETE FROM snapshots")
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('incarnation', ?)", (self._incarnation,))
        return connection


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
