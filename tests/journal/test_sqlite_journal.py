"""The SQLite journal keeps the contract, with an index that lags behind by nothing, little or much."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kinelog.journal import sqlite_journal, sqlite_writer
from kinelog.journal.port import Journal
from kinelog.journal.sqlite_journal import SqliteJournal
from typing_extensions import override

from tests.journal.contract import BoundedCommits, JournalContract, NewStore, OpenJournal


class TestSqliteJournal(JournalContract, BoundedCommits):
    stateful_examples = 20

    @pytest.fixture
    @override
    def new_store(self, tmp_path: Path) -> Iterator[NewStore]:
        opened: list[Journal] = []
        stores = 0

        def new() -> OpenJournal:
            nonlocal stores
            stores += 1
            path = tmp_path / f"store{stores}" / "journal.db"

            def open_journal() -> Journal:
                opened.append(SqliteJournal(path, commit_bytes=self.largest))
                return opened[-1]

            return open_journal

        yield new
        for journal in opened:
            journal.close()


class TestSqliteJournalWithAnIndexThatKeepsUp(TestSqliteJournal):
    """Every group of commits moves into the index at once, and replays are read in stretches of three runs."""

    @pytest.fixture(autouse=True)
    def keep_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite_writer, "INDEX_EVENTS", 1)
        monkeypatch.setattr(sqlite_journal, "REPLAY_RUNS", 3)


class TestSqliteJournalWithAnIndexThatLagsALittle(TestSqliteJournal):
    """Most replays are partly in the index and partly in the log's tail; checkpoints come after every few commits."""

    @pytest.fixture(autouse=True)
    def lag_a_little(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite_writer, "INDEX_EVENTS", 7)
        monkeypatch.setattr(sqlite_writer, "CHECKPOINT_BYTES", 5_000)
