"""How far announcer and sender came, in a small SQLite file of a data folder."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from kinelog.embedded_files.transactions import transaction
from kinelog.embedded_files.write_ahead import switch_to_write_ahead
from kinelog.webhooks.progress import Progress
from kinelog.webhooks.progress_store import ProgressStore, progress_of, told_as_unavailable
from typing_extensions import override

BUSY_MS = 10_000

_TABLES = """
CREATE TABLE IF NOT EXISTS announced (id INTEGER PRIMARY KEY CHECK (id = 1), incarnation TEXT NOT NULL,
    position INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS progress (tenant TEXT PRIMARY KEY, revision INTEGER NOT NULL, document BLOB NOT NULL)
    WITHOUT ROWID;
"""


class SqliteProgressStore(ProgressStore):
    """One connection behind a lock: it is asked a few times a minute."""

    def __init__(self, path: Path, incarnation: str) -> None:
        """Open or make the file; what is in it of another incarnation of the log is forgotten.

        Raises:
            ProgressUnavailableError: The file does not answer, or is none.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        with told_as_unavailable(sqlite3.Error):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            switch_to_write_ahead(self._connection, BUSY_MS / 1000)
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_TABLES)
        self._claim(incarnation)

    def _claim(self, incarnation: str) -> None:
        with self._transaction() as connection:
            row = connection.execute("SELECT incarnation FROM announced").fetchone()
            if row is not None and row[0] == incarnation:
                return
            connection.execute("DELETE FROM progress")
            connection.execute("INSERT OR REPLACE INTO announced VALUES (1, ?, 0)", (incarnation,))

    @override
    def announced(self) -> int:
        return int(self._read("SELECT position FROM announced")[0][0])

    @override
    def save_announced(self, position: int) -> None:
        with self._transaction() as connection:
            connection.execute("UPDATE announced SET position = ?", (position,))

    @override
    def add(self, tenant: str) -> None:
        document = msgspec.json.encode(Progress(tenant=tenant))
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO progress VALUES (?, 0, ?)", (tenant, document))

    @override
    def tenants(self) -> list[str]:
        return [row[0] for row in self._read("SELECT tenant FROM progress ORDER BY tenant")]

    @override
    def progress(self, tenant: str) -> Progress | None:
        rows = self._read("SELECT document FROM progress WHERE tenant = ?", tenant)
        return progress_of(rows[0][0]) if rows else None

    @override
    def save(self, progress: Progress) -> Progress | None:
        stored = msgspec.structs.replace(progress, revision=progress.revision + 1)
        with self._transaction() as connection:
            done = connection.execute(
                "UPDATE progress SET revision = ?, document = ? WHERE tenant = ? AND revision = ?",
                (stored.revision, msgspec.json.encode(stored), progress.tenant, progress.revision),
            )
            return stored if done.rowcount else None

    @override
    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _read(self, question: str, *values: str) -> list[tuple[Any, ...]]:  # what SQLite holds has no narrower type
        with self._lock, told_as_unavailable(sqlite3.Error):
            return self._connection.execute(question, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, told_as_unavailable(sqlite3.Error), transaction(self._connection):
            yield self._connection
