"""Snapshots in a SQLite file of their own, so that they cost the log no fsync.

A power cut may lose the last ones and never leaves half of one (`synchronous=NORMAL` in WAL mode). They can all be
thrown away: the events say everything.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from pathlib import Path

import msgspec
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
        """Open or make the file; snapshots of another log's incarnation are thrown away."""
        self._path = path
        self._lock = threading.Lock()
        with translated(str(path)):
            self._connection = sqlite3.connect(
                path, timeout=busy_ms / 1000, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._prepare(incarnation)

    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, and only the newest two of its entity."""
        content = msgspec.msgpack.encode(snapshot)
        with self._lock, translated(str(self._path)), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)",
                (snapshot.entity, snapshot.sequence, _checksum(content), content),
            )
            self._connection.execute(
                "DELETE FROM snapshots WHERE entity = ?1 AND sequence NOT IN "
                "(SELECT sequence FROM snapshots WHERE entity = ?1 ORDER BY sequence DESC LIMIT ?2)",
                (snapshot.entity, KEPT),
            )

    def newest(self, entity: str) -> list[Snapshot]:
        """Up to two, newest first; damaged ones are left out (the events say the same)."""
        with self._lock, translated(str(self._path)):
            rows = self._connection.execute(
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
        with self._lock, translated(str(self._path)):
            self._connection.execute(
                # '0' follows '/': everything that begins with the person and a slash.
                "DELETE FROM snapshots WHERE entity = ?1 OR (entity > ?1 || '/' AND entity < ?1 || '0')",
                (person_entity,),
            )
            # Best effort: they are sealed under a key that is about to be destroyed, so leftovers open for nobody.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _prepare(self, incarnation: str) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _TABLES.split(";")):
                self._connection.execute(statement)
            row = self._connection.execute("SELECT value FROM meta WHERE key = 'incarnation'").fetchone()
            if row is None or row[0] != incarnation:
                # Positions and sequences of another timeline mean nothing here.
                self._connection.execute("DELETE FROM snapshots")
                self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('incarnation', ?)", (incarnation,))


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
