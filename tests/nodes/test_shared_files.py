"""Processes of one group may open the files of a data folder at the same moment, the first of all included."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from kinelog.embedded_files.write_ahead import switch_to_write_ahead
from typing_extensions import override

PATIENCE_S = 30.0


class Watched(sqlite3.Connection):
    """A connection of which one sees that it was refused."""

    refused: threading.Event

    @override
    def execute(self, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql)
        except sqlite3.OperationalError:
            self.refused.set()
            raise


def test_who_opens_a_file_while_another_process_is_about_to_write_to_it_waits_for_that(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection = sqlite3.connect(path, timeout=2 * PATIENCE_S, factory=Watched, check_same_thread=False)
    connection.refused = threading.Event()
    with closing(holder), closing(connection), ThreadPoolExecutor(1) as other:
        holder.execute("BEGIN IMMEDIATE")
        switched = other.submit(switch_to_write_ahead, connection, PATIENCE_S)
        assert connection.refused.wait(PATIENCE_S)  # at once, whatever time-out the connection has
        holder.execute("COMMIT")
        switched.result(PATIENCE_S)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_stays_locked_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with closing(sqlite3.connect(path)) as holder, closing(sqlite3.connect(path, timeout=0)) as connection:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            switch_to_write_ahead(connection, within_s=0.05)
