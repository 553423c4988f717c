"""A log copied into another store is the same log: however often it was killed, however many shards either has."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.domain.identifiers import person_of, shard_of
from kinelog.journal import copying
from kinelog.journal.copy_mark import CopyMarks, CopyRefusedError, MemoryCopyMarks, require_complete
from kinelog.journal.copying import CopyStoppedError, LogCopy, events_of
from kinelog.journal.errors import (
    CommitTooLargeError,
    FencedError,
    IncompatibleStoreError,
    UnavailableError,
    UnknownOutcomeError,
)
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.records import Positioned, StoredEvent
from kinelog.journal.sqlite_copy_marks import SqliteCopyMarks
from kinelog.journal.sqlite_inspection import verify_file
from kinelog.journal.sqlite_journal import SqliteJournal
from typing_extensions import override

from tests.journal.contract import new_id
from tests.journal.copied_logs import (
    CrashError,
    CrashingJournal,
    Growing,
    commits_in,
    compared,
    copy_round,
    grown,
    heads,
    log_of,
)
from tests.journal.stored_events import person_in, some

SHARDS = st.sampled_from([1, 2, 3, 4, 6, 8])


def test_a_sqlite_log_is_copied_position_by_position_and_commit_by_commit(tmp_path: Path) -> None:
    source = SqliteJournal(tmp_path / "source.db", shards=4)
    Growing(source).grow(60)
    path = tmp_path / "destination.db"
    destination = SqliteJournal(path, shards=4)
    mark = copy_round(source, destination, SqliteCopyMarks(path))
    assert log_of(destination) == log_of(source)
    assert commits_in(destination) == commits_in(source)
    assert destination.incarnation != source.incarnation
    assert events_of(mark) == sum(heads(source)) > 100
    entity = log_of(source)[0][0].event.entity
    assert list(destination.replay(entity)) == list(source.replay(entity))
    source.close()
    destination.close()
    assert verify_file(path, lambda _events: None).sound


@given(source_shards=SHARDS, shards=SHARDS, seed=st.integers(0, 1_000))
@settings(max_examples=40, deadline=None)
def test_any_number_of_shards_keeps_the_order_of_each_entity_and_of_those_who_stay_together(
    source_shards: int, shards: int, seed: int
) -> None:
    source = grown(source_shards, 30, seed).journal
    destination = MemoryJournal(shards)
    copy_round(source, destination, MemoryCopyMarks())
    assert compared(source, destination).differing == 0
    for shard, log in enumerate(log_of(destination)):
        events = [positioned.event for positioned in log]
        assert all(shard_of(person_of(event.entity), shards) == shard for event in events)
        for from_shard, whole in enumerate(log_of(source)):
            together = [item.event for item in whole if shard_of(person_of(item.event.entity), shards) == shard]
            mine = [event for event in events if shard_of(person_of(event.entity), source_shards) == from_shard]
            assert mine == together


@given(
    source_shards=SHARDS,
    shards=SHARDS,
    seed=st.integers(0, 1_000),
    crashes=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 10)), max_size=6),
    unknown=st.sampled_from([0.0, 0.0, 0.4]),
)
@settings(max_examples=80, deadline=None)
def test_killed_at_any_commits_and_with_a_source_that_grows_it_neither_doubles_nor_leaves_a_hole(
    source_shards: int, shards: int, seed: int, crashes: list[tuple[int, int]], unknown: float
) -> None:
    source = grown(source_shards, 20, seed)
    destination = CrashingJournal(shards, seed)
    marks = MemoryCopyMarks()
    destination.unknown = unknown
    for left, growth in crashes:
        destination.left = left
        try:
            copy_round(source.journal, destination, marks)
        except (CrashError, UnknownOutcomeError):
            source.grow(growth)
    destination.left = 1 << 60
    destination.unknown = 0.0
    while copy_round(source.journal, destination, marks).until != heads(source.journal):
        pass
    if source_shards == shards:
        assert log_of(destination) == log_of(source.journal)
    found = compared(source.journal, destination)
    assert (found.differing, found.events) == (0, sum(heads(source.journal)))


def test_what_is_there_already_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    source = grown(4, 60)
    destination, marks = MemoryJournal(6), MemoryCopyMarks()
    copy_round(source.journal, destination, marks)
    source.grow(3)
    told: list[int] = []
    written: list[StoredEvent] = []
    commit = destination.commit

    def count(shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> int:
        written.extend(events)
        return commit(shard, epoch, after, commit_id, events)

    monkeypatch.setattr(destination, "commit", count)
    copy = LogCopy(source.journal, destination, marks)
    mark = copy.run(copy.begin(), told.append)
    assert len(written) == events_of(mark) == sum(told) < 30
    written.clear()
    assert copy.run(copy.begin(), told.append) == mark
    assert written == []


def test_only_a_source_that_was_left_alone_makes_a_complete_copy() -> None:
    source = grown()
    destination, marks = MemoryJournal(4), MemoryCopyMarks()
    copy = LogCopy(source.journal, destination, marks)
    mark = copy.run(copy.begin(), lambda _events: None)
    with pytest.raises(IncompatibleStoreError, match="unfinished copy"):
        require_complete(marks.read())
    source.grow(1)
    with pytest.raises(CopyRefusedError, match="got events"):
        copy.complete(mark)
    again = LogCopy(source.journal, destination, marks)
    again.complete(again.run(again.begin(), lambda _events: None))
    require_complete(marks.read())
    require_complete(None)


def test_a_service_that_takes_a_shard_stops_the_copy_before_anything_is_mixed() -> None:
    class Served(MemoryJournal):
        taken = False

        @override
        def commit(self, shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> int:
            if not self.taken and after > 20:
                self.taken = True
                self.acquire(shard, "service")
            return super().commit(shard, epoch, after, commit_id, events)

    source = grown().journal
    with pytest.raises(FencedError):
        copy_round(source, Served(4), MemoryCopyMarks())


def test_a_commit_that_the_destination_does_not_take_whole_is_divided(tmp_path: Path) -> None:
    source = SqliteJournal(tmp_path / "source.db", shards=1)
    entity = person_in(0, 1).persistence_id
    source.commit(0, source.acquire(0, "a").epoch, 0, new_id(), some(entity, 50))
    path = tmp_path / "destination.db"
    destination = SqliteJournal(path, shards=1, commit_bytes=2_000)
    copy_round(source, destination, SqliteCopyMarks(path))
    assert log_of(destination) == log_of(source)
    tiny = SqliteJournal(tmp_path / "tiny.db", shards=1, commit_bytes=50)
    with pytest.raises(CommitTooLargeError):
        copy_round(source, tiny, SqliteCopyMarks(tmp_path / "tiny.db"))
    for journal in (source, destination, tiny):
        journal.close()


def test_a_copy_that_is_asked_to_stop_stops_and_goes_on_later() -> None:
    source, destination, marks = grown(1, 50).journal, MemoryJournal(1), MemoryCopyMarks()
    copy = LogCopy(source, destination, marks)
    with pytest.raises(CopyStoppedError):
        copy.run(copy.begin(), lambda _events: copy.stop())
    assert 0 < destination.head(0) < source.head(0)
    copy_round(source, destination, marks)
    assert log_of(destination) == log_of(source)


def test_a_source_that_does_not_show_all_of_its_log_is_not_taken_for_copied() -> None:
    class Lagging(MemoryJournal):
        shown = 1 << 30

        @override
        def read(self, shard: int, after: int, limit: int) -> list[Positioned]:
            return super().read(shard, after, min(limit, max(0, self.shown - after)))

    source = Lagging(1)
    Growing(source).grow(20)
    source.shown = 7
    destination, marks = MemoryJournal(1), MemoryCopyMarks()
    with pytest.raises(UnavailableError, match="does not give all events"):
        copy_round(source, destination, marks)
    assert destination.head(0) == 7
    source.shown = 1 << 30
    copy_round(source, destination, marks)
    assert log_of(destination) == log_of(source)


def test_no_more_than_a_commit_of_each_lane_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that were read and not yet committed, at their most, are far fewer than the log has."""
    monkeypatch.setattr(copying, "GATHERED_BYTES", 1_000)
    source = grown(3, 400).journal
    lock = threading.Lock()
    state: dict[str, int] = defaultdict(int)

    class Watched(MemoryJournal):
        @override
        def commit(self, shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> int:
            with lock:
                state["most"] = max(state["most"], len(events))
            return super().commit(shard, epoch, after, commit_id, events)

    copy_round(source, Watched(2), MemoryCopyMarks())
    assert sum(heads(source)) > 1_000
    assert 1 < state["most"] < 20


def marks_of(tmp_path: Path, kind: str) -> CopyMarks:
    if kind == "memory":
        return MemoryCopyMarks()
    SqliteJournal(tmp_path / "journal.db", shards=4).close()
    return SqliteCopyMarks(tmp_path / "journal.db")


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_mark_is_replaced_only_by_who_knows_it(tmp_path: Path, kind: str) -> None:
    marks = marks_of(tmp_path, kind)
    assert marks.read() is None
    source = grown().journal
    mark = LogCopy(source, MemoryJournal(4), marks).begin()
    assert marks.read() == mark
    for known in (None, mark):
        if known is None:
            with pytest.raises(CopyRefusedError, match="another copy"):
                marks.replace(known, mark)
        else:
            marks.replace(known, mark)
    assert marks.read() == mark
