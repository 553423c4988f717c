"""Connections for reading: as many as there are readers at once, each used by one thread at a time."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kinelog.journal.errors import UnavailableError
from kinelog.journal.sqlite_file import connect, translated

CACHE_KIB = 2_048
MAPPED_BYTES = 1 << 30


class SqliteReaders:
    """A pool of read-only connections."""

    def __init__(self, path: Path, busy_ms: int) -> None:
        """Read this file."""
        self._path = path
        self._busy_ms = busy_ms
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @contextmanager
    def view(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the file; keep it short, since an open view keeps the write-ahead log growing."""
        with translated(str(self._path)):
            connection = self._take()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                # Also after an error: an open transaction would pin this view for ever.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._give(connection)

    def close(self) -> None:
        """Close all; those in use are closed when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise UnavailableError(f"{self._path} is closed")
        try:
            return self._idle.pop()
        except IndexError:
            connection = connect(self._path, self._busy_ms)
            connection.execute("PRAGMA query_only = ON")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB:d}")
            # An entity's events lie in thousands of commits, each on pages of its own that are read once: mapped, they
            # cost no system call and no copy, which is half of a replay. The file only ever grows, so no page of the
            # map can vanish under a reader.
            connection.execute(f"PRAGMA mmap_size = {MAPPED_BYTES:d}")
            return connection

    def _give(self, connection: sqlite3.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)
