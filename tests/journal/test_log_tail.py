"""What a tail keeps in memory: bounded without any indexer, let go of with one, read once for many."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest
from kinelog.cassandra_session.errors import UnreachableError
from kinelog.journal.cassandra.entity_blocks import block_length, cost_of, entity_rows, runs_of_row, stretch_of
from kinelog.journal.cassandra.entity_events import EntityEvents, Offset
from kinelog.journal.cassandra.indexer import Indexer, IndexRebuild
from kinelog.journal.cassandra.log_tail import LogTail
from kinelog.journal.cassandra.schema import LOG_SCHEMA
from kinelog.journal.commit_row import CommitRow, Run, events_of_run, pack
from kinelog.journal.errors import CorruptError, UnavailableError
from msgspec.structs import replace

from tests.journal.index_world import SHARD, SMALL_BLOCK, ModelLog, small_blocks
from tests.journal.model_connection import ModelConnection, model_cluster
from tests.journal.stored_events import some, stored

BOUND = 2 * SMALL_BLOCK


class Shard:
    """One shard's log, tail and index."""

    def __init__(self) -> None:
        self.log = ModelLog()
        self.connection = ModelConnection(model_cluster(LOG_SCHEMA.migrations[0].statements))
        self.index = EntityEvents(self.connection, "incarnation")
        self.tail = LogTail(SHARD, self.index, self.log, BOUND)
        self.indexer = Indexer(self.index, self.log, [SHARD])

    def append(self, entity: str, count: int, size: int = 20) -> tuple[CommitRow, list[Run]]:
        head = self.log.commits[-1].last if self.log.commits else 0
        known = sum(run.count for row in self.log.commits for run in row.runs() if run.entity == entity)
        events = [stored(entity, known + 1 + index, bytes(size)) for index in range(count)]
        row, runs = pack(SHARD, head, 1, bytes(16), events)
        self.log.commits.append(row)
        return row, runs

    def commit(self, entity: str = "demo/a", count: int = 1) -> None:
        if not self.tail.has_room():
            self.tail.make_room()
        self.tail.committed(*self.append(entity, count))

    @property
    def held(self) -> int:
        return 0 if self.tail._held is None else self.tail._held.cost


@pytest.fixture
def shard() -> Iterator[Shard]:
    with small_blocks():
        yield Shard()


def test_without_any_indexer_the_owner_indexes_the_oldest_part_and_memory_stays_bounded(shard: Shard) -> None:
    largest = 0
    for _ in range(200):
        shard.commit(count=3)
        largest = max(largest, shard.held)
    one_more = max(cost_of(row, row.runs()) for row in shard.log.commits)
    assert largest > BOUND - one_more
    assert largest <= BOUND + one_more
    lag = shard.log.commits[-1].last - shard.index.offset(SHARD).position
    assert lag < 40


def test_a_commit_waits_while_the_index_cannot_be_written_and_goes_on_when_it_can(shard: Shard) -> None:
    for _ in range(12):
        shard.commit(count=3)
    while shard.tail.has_room():
        shard.commit(count=3)

    def unreachable(statement: object, _values: object) -> None:
        if "INSERT" in str(statement):
            raise UnreachableError("no answer")

    shard.connection.before = unreachable
    with pytest.raises(UnavailableError):
        shard.tail.make_room()
    assert not shard.tail.has_room()
    shard.connection.before = lambda _statement, _values: None
    shard.tail.make_room()
    assert shard.tail.has_room()


def test_a_tail_lets_go_of_what_an_indexer_has_copied_without_anybody_recovering(shard: Shard) -> None:
    shard.commit()
    for _ in range(100):
        shard.commit(count=3)
        shard.indexer.catch_up()
        assert shard.held <= SMALL_BLOCK + 2_000


def test_other_owners_commits_are_read_before_the_next_commit(shard: Shard) -> None:
    shard.commit()
    shard.append("demo/b", 2)
    shard.tail.committed(*shard.append("demo/a", 1))
    assert not shard.tail.has_room()
    shard.tail.make_room()
    assert [run.position for run, _ in shard.tail.view("demo/b", 0).runs] == [2]
    assert [run.position for run, _ in shard.tail.view("demo/a", 0).runs] == [1, 4]


def test_a_log_that_ends_before_what_was_committed_is_reported_and_not_read_for_ever(shard: Shard) -> None:
    shard.commit()
    lost, runs = shard.append("demo/b", 2)
    shard.log.commits.pop()
    later = replace(lost, first=lost.first + 1, last=lost.last + 1)
    shard.tail.committed(later, runs)
    with pytest.raises(CorruptError, match="position 2"):
        shard.tail.make_room()


class CountedLock:
    """A lock that tells when so many have asked for it."""

    def __init__(self, wanted: int) -> None:
        self._lock = threading.Lock()
        self._asked = itertools.count(1)
        self._wanted = wanted
        self.all_asked = threading.Event()

    def __enter__(self) -> None:
        if next(self._asked) == self._wanted:
            self.all_asked.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_many_recoveries_at_once_read_the_log_once(shard: Shard) -> None:
    first, go_on = threading.Event(), threading.Event()
    lock = CountedLock(9)
    shard.tail._reading = lock  # type: ignore[assignment]  # as much of a lock as is used

    def reading() -> None:
        first.set()
        assert go_on.wait(30)

    shard.append("demo/a", 1)
    shard.log.before = reading
    threads = [threading.Thread(target=shard.tail.refresh) for _ in range(9)]
    threads[0].start()
    assert first.wait(30)
    for thread in threads[1:]:
        thread.start()
    assert lock.all_asked.wait(30)
    go_on.set()
    for thread in threads:
        thread.join(30)
    # The first began before the others came, so they need another; and that one is enough for all of them.
    assert shard.tail._begun == 2


def test_forgetting_gives_the_memory_back_and_the_next_recovery_reads_again(shard: Shard) -> None:
    for _ in range(5):
        shard.commit()
    shard.tail.forget()
    assert shard.held == 0
    assert not shard.tail.has_room()
    assert len(shard.tail.view("demo/a", 0).runs) == 5


def test_a_tail_that_cannot_hold_a_block_is_refused(shard: Shard) -> None:
    with pytest.raises(ValueError, match="cannot hold a block"):
        LogTail(SHARD, shard.index, shard.log, 10)


# ── blocks and rows ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_of_a_block_hold_every_event_once_and_cross_no_border_of_a_stretch(shard: Shard) -> None:
    for count in (3, 13, 1, 4):
        shard.append("demo/a", count)
        shard.append("demo/b", 1)
    rows = entity_rows(shard.log.commits)
    found: dict[str, list[int]] = {"demo/a": [], "demo/b": []}
    for row in rows:
        events = [
            event
            for run, content in runs_of_row(row.entity, row.last_sequence, row.content)
            for event in events_of_run(run, content)
        ]
        assert len({stretch_of(event.sequence) for event in events}) == 1
        found[row.entity] += [event.sequence for event in events]
    assert found == {"demo/a": list(range(1, 22)), "demo/b": [1, 2, 3, 4]}


def test_a_damaged_row_of_the_index_is_named(shard: Shard) -> None:
    shard.append("demo/a", 3)
    (row,) = entity_rows(shard.log.commits)
    for at in (0, 5, len(row.content) - 1):
        damaged = bytearray(row.content)
        damaged[at] ^= 1
        with pytest.raises(CorruptError, match="demo/a"):
            runs_of_row(row.entity, row.last_sequence, bytes(damaged))
    with pytest.raises(CorruptError, match="other events"):
        runs_of_row(row.entity, 2, row.content)


def test_a_damaged_commit_is_not_indexed(shard: Shard) -> None:
    row, _ = shard.append("demo/a", 3)
    with pytest.raises(CorruptError, match="cannot be indexed"):
        entity_rows([replace(row, epoch=2)])


def test_two_indexers_write_the_same_rows_wherever_they_begin_to_look(shard: Shard) -> None:
    other = Indexer(shard.index, shard.log, [SHARD])
    for number in range(60):
        shard.append(f"demo/{number % 3}", 1 + number % 4)
        if number % 7 == 0:
            other.step()
        if number % 11 == 0:
            shard.indexer.step()
    shard.indexer.catch_up()
    other.catch_up()
    alone = Shard()
    alone.log.commits = shard.log.commits
    Indexer(alone.index, alone.log, [SHARD]).catch_up()
    table = "model_log.entity_events"
    both = shard.connection.cluster.tables[table].contents()
    assert both == alone.connection.cluster.tables[table].contents()
    assert len(both) > 10


def test_a_rebuild_leaves_the_new_generation_and_nothing_of_the_old(shard: Shard) -> None:
    for number in range(60):
        shard.append(f"demo/{number % 3}", 1 + number % 4)
    shard.indexer.catch_up()
    offset = shard.index.offset(SHARD)
    table = shard.connection.cluster.tables["model_log.entity_events"]
    before = [(key[2:], values["content"]) for key, values in table.contents()]
    told = []
    assert IndexRebuild(shard.index, shard.log, SHARD).run(lambda *done: told.append(done), lambda: False)
    assert shard.index.offset(SHARD) == Offset(1, offset.position)
    assert {key[1] for key, _ in table.contents()} == {1}
    assert [(key[2:], values["content"]) for key, values in table.contents()] == before
    assert told[-1] == (offset.position, offset.position)


def test_a_stopped_rebuild_changes_nothing_for_readers(shard: Shard) -> None:
    for number in range(60):
        shard.append(f"demo/{number % 3}", 2)
    shard.indexer.catch_up()
    offset = shard.index.offset(SHARD)
    assert not IndexRebuild(shard.index, shard.log, SHARD).run(lambda *_: None, lambda: True)
    assert shard.index.offset(SHARD) == offset


def test_an_offset_never_goes_back(shard: Shard) -> None:
    shard.index.move_offset(SHARD, Offset(0, 90))
    shard.index.move_offset(SHARD, Offset(0, 40))
    assert shard.index.offset(SHARD) == Offset(0, 90)
    shard.index.move_offset(SHARD, Offset(1, 3))
    shard.index.move_offset(SHARD, Offset(0, 1_000_000))
    assert shard.index.offset(SHARD) == Offset(1, 3)


def test_the_indexer_goes_on_with_other_shards_when_one_is_damaged_and_stops_when_told(shard: Shard) -> None:
    class TwoShards:
        def rows(self, number: int, after: int, limit: int) -> list[CommitRow]:
            if number == 2 and done(0):
                stop.set()
            rows = [row for row in shard.log.commits if row.last > after][:limit]
            return [replace(row, epoch=9) for row in rows] if number == 0 else rows

    def done(_: int) -> bool:
        return shard.index.offset(2).position > 0

    for _ in range(30):
        shard.append("demo/a", 3)
    stop = threading.Event()
    thread = threading.Thread(target=Indexer(shard.index, TwoShards(), [0, 2]).run, args=(stop,))
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert shard.index.offset(0).position == 0
    assert shard.index.offset(2).position > 0


def test_blocks_are_whole_or_nothing() -> None:
    with small_blocks():
        assert block_length([]) == 0
        assert block_length([1_000] * 3) == 0
        assert block_length([1_000] * 9) == 4
        assert block_length([SMALL_BLOCK, 1]) == 1
        assert len(some("demo/a", 2)) == 2
