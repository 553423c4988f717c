"""Progress in a data folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from kinelog.webhooks.errors import ProgressUnavailableError
from kinelog.webhooks.sqlite_progress import SqliteProgressStore

from tests.webhooks.progress_contract import Open, ProgressContract


class TestSqliteProgress(ProgressContract):
    """One file."""

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Iterator[Open]:
        with ExitStack() as opened:
            yield lambda incarnation: opened.enter_context(
                closing(SqliteProgressStore(tmp_path / "webhooks" / "progress.db", incarnation))
            )


@pytest.mark.parametrize("document", [b"", b"{}", b'{"tenant":"\xff"}', b'{"tenant":3}'])
def test_a_row_that_is_damaged_is_said_to_be(tmp_path: Path, document: bytes) -> None:
    file = tmp_path / "progress.db"
    with closing(SqliteProgressStore(file, "log-1")) as store:
        store.add("alpine")
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE progress SET document = ?", (document,))
        connection.close()
        with pytest.raises(ProgressUnavailableError, match="damaged"):
            store.progress("alpine")


def test_a_file_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "progress.db"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(ProgressUnavailableError):
        SqliteProgressStore(file, "log-1")
