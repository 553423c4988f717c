"""The mark of a copy in the SQLite file of the log."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kinelog.journal import sqlite_file
from kinelog.journal.copy_mark import CopyMark, CopyMarks, copied_by_another
from typing_extensions import override

_KEY = "copy"
_BUSY_MS = 10_000


class SqliteCopyMarks(CopyMarks):
    """A row of the table `meta`, written with the durability of a commit."""

    def __init__(self, path: Path) -> None:
        """Use the log at `path`, which exists."""
        self._path = path

    @override
    def read(self) -> CopyMark | None:
        with sqlite_file.translated(str(self._path)):
            connection = sqlite_file.connect(self._path, _BUSY_MS)
            try:
                return _mark(connection)
            finally:
                connection.close()

    @override
    def replace(self, known: CopyMark | None, mark: CopyMark) -> None:
        with sqlite_file.translated(str(self._path)):
            connection = sqlite_file.connect(self._path, _BUSY_MS)
            try:
                connection.execute("BEGIN IMMEDIATE")
                if _mark(connection) != known:
                    connection.execute("ROLLBACK")
                    raise copied_by_another()
                connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, mark.encoded()))
                connection.execute("COMMIT")
            finally:
                connection.close()


def _mark(connection: sqlite3.Connection) -> CopyMark | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    return None if row is None else CopyMark.decoded(row[0])
