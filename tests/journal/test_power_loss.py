"""The power goes at any byte of the write-ahead log: what was acknowledged is there, what was half written is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from kinelog.journal import sqlite_writer
from kinelog.journal.records import Positioned, StoredEvent
from kinelog.journal.sqlite_journal import SqliteJournal

from tests.journal.contract import new_id, positioned
from tests.journal.stored_events import person_in, stored

pytestmark = pytest.mark.power

PAGE_BYTES = 512
WAL_HEADER_BYTES = 32
FRAME_BYTES = PAGE_BYTES + 24
SHARD = 1


class CutLog:
    """A log file without its last transactions, the write-ahead log that holds them, and when each was acknowledged."""

    def __init__(self, folder: Path) -> None:
        """Commit a few times, with nothing moved from the write-ahead log into the file meanwhile."""
        path = folder / "whole" / "journal.db"
        journal = SqliteJournal(path, shards=2, page_bytes=PAGE_BYTES)
        self.people = [person_in(SHARD, 2, number).persistence_id for number in range(2)]
        owner = journal.acquire(SHARD, "first")
        self.log: list[StoredEvent] = [stored(self.people[0], 1, b"in the file already")]
        journal.commit(SHARD, owner.epoch, 0, new_id(), self.log)
        journal.close()
        journal = SqliteJournal(path)
        self.acknowledged: list[tuple[int, int]] = [(0, 1)]
        """Bytes of the write-ahead log and number of events when a commit returned."""
        wal = path.with_name("journal.db-wal")
        owner = journal.acquire(SHARD, "second")
        for events in (
            [stored(self.people[1], 1, b"x")],
            [stored(self.people[0], 2, b"y"), stored(self.people[1], 2, b"z")],
            [stored(self.people[0], 3, b"w")],
        ):
            journal.commit(SHARD, owner.epoch, len(self.log), new_id(), events)
            self.log += events
            self.acknowledged.append((wal.stat().st_size, len(self.log)))
        self.file = path.read_bytes()
        self.wal = wal.read_bytes()
        journal.close()
        self._open_in = folder / "cut"
        shutil.copytree(path.parent, self._open_in)

    def reopened(self, wal: bytes) -> SqliteJournal:
        """The journal as it comes up after the power returned."""
        path = self._open_in / "journal.db"
        path.write_bytes(self.file)
        path.with_name("journal.db-wal").write_bytes(wal)
        path.with_name("journal.db-shm").unlink(missing_ok=True)
        return SqliteJournal(path)

    def events_at(self, size: int) -> int:
        """Events acknowledged by the time the write-ahead log had so many bytes."""
        return max(count for bytes_, count in self.acknowledged if bytes_ <= size)

    def check(self, journal: SqliteJournal, count: int) -> None:
        """Exactly the first `count` events are there, by every way of reading."""
        expected = positioned(self.log[:count])
        assert journal.head(SHARD) == count
        assert journal.read(SHARD, 0, 100) == expected
        for person in self.people:
            assert list(journal.replay(person)) == [item for item in expected if item.event.entity == person]


@pytest.fixture
def cut_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[CutLog]:
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_BYTES", 1 << 40)
    # The cuts are simulated, so memory does as well as a disk, and the thousands of syncs cost nothing there.
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is made with a random name for us alone
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield CutLog(Path(folder))


def test_a_log_cut_at_every_byte_holds_what_was_acknowledged_and_nothing_half_written(cut_log: CutLog) -> None:
    assert len(cut_log.wal) == cut_log.acknowledged[-1][0]
    assert (len(cut_log.wal) - WAL_HEADER_BYTES) % FRAME_BYTES == 0
    seen = set()
    for size in range(len(cut_log.wal) + 1):
        journal = cut_log.reopened(cut_log.wal[:size])
        count = cut_log.events_at(size)
        cut_log.check(journal, count)
        journal.close()
        seen.add(count)
    assert seen == {1, 2, 4, 5}


@pytest.mark.parametrize("rest", [b"\0", b"\xff", b"\x37\x7f\x06\x82"])
def test_garbage_behind_the_last_sync_is_no_commit(cut_log: CutLog, rest: bytes) -> None:
    """A torn write leaves any bytes in the sectors that were not synced, not only none."""
    for size, count in cut_log.acknowledged[1:]:
        for kept in (0, 24, 100, FRAME_BYTES - 1):
            torn = cut_log.wal[: size + kept]
            filled = torn + (rest * FRAME_BYTES * 4)[: len(cut_log.wal) - len(torn)]
            if size + kept > len(cut_log.wal):
                continue
            journal = cut_log.reopened(filled)
            cut_log.check(journal, count)
            journal.close()


def test_after_any_cut_the_log_goes_on_where_it_ends(cut_log: CutLog) -> None:
    for size in range(0, len(cut_log.wal) + 1, 97):
        journal = cut_log.reopened(cut_log.wal[:size])
        count = cut_log.events_at(size)
        owner = journal.acquire(SHARD, "third")
        assert owner.head == count
        person = person_in(SHARD, 2, 5).persistence_id
        event = stored(person, 1)
        journal.commit(SHARD, owner.epoch, owner.head, new_id(), [event])
        journal.close()
        again = SqliteJournal(journal.path)
        assert again.read(SHARD, count, 10) == [Positioned(count + 1, event)]
        assert len(again.read(SHARD, 0, 10)) == count + 1
        again.close()
