"""Recovery of one entity on a real Cassandra: the index, its rebuild, snapshots, and what a read costs the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from kinelog.cassandra_session.connection import Access, Statement
from kinelog.journal.cassandra.entity_blocks import STRETCH_EVENTS
from kinelog.journal.cassandra.entity_events import EntityEvents
from kinelog.journal.cassandra.indexer import Indexer, IndexRebuild
from kinelog.journal.cassandra.journal import CassandraLog
from kinelog.journal.cassandra.log_identity import identify
from kinelog.journal.errors import CorruptError
from kinelog.journal.records import Positioned

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.journal.cassandra_store import CassandraStore, ClosingJournal, cassandra_store
from tests.journal.contract import entity_in, new_id
from tests.journal.stored_events import person_in, snapshot, stored

pytestmark = pytest.mark.cassandra

SHARD = 1
PEOPLE = 6
NEWEST_SNAPSHOTS = Statement(
    "SELECT sequence, content FROM {log}.snapshots WHERE incarnation = ? AND entity = ? LIMIT 2", Access.READ
)
ENTITY_EVENTS = Statement(
    "SELECT last_sequence FROM {log}.entity_events "
    "WHERE incarnation = ? AND generation = ? AND entity = ? AND stretch = ? AND last_sequence > ? LIMIT ?",
    Access.READ,
)


@pytest.fixture
def store(cassandra_node: SharedNode, cassandra_session: CqlSession) -> Iterator[CassandraStore]:
    with cassandra_store(cassandra_node, cassandra_session, bucket_bytes=1 << 20) as store:
        yield store


class Written:
    """A shard of several people with a long history, one of them with more than a stretch."""

    def __init__(self, journal: ClosingJournal) -> None:
        self.log: list[Positioned] = []
        self._sequences: dict[str, int] = {}
        self._journal = journal
        self._owner = journal.acquire(SHARD, "test")
        self.entities = [entity_in(journal, SHARD, number) for number in range(PEOPLE)]

    def commit(self, counts: dict[int, int]) -> None:
        events = []
        for number, count in counts.items():
            entity = self.entities[number]
            for _ in range(count):
                self._sequences[entity] = self._sequences.get(entity, 0) + 1
                events.append(stored(entity, self._sequences[entity], bytes(100)))
        head = len(self.log)
        self._journal.commit(SHARD, self._owner.epoch, head, new_id(), events)
        self.log += [Positioned(head + 1 + index, event) for index, event in enumerate(events)]

    def of(self, number: int) -> list[Positioned]:
        return [item for item in self.log if item.event.entity == self.entities[number]]


@pytest.fixture
def written(store: CassandraStore) -> Written:
    written = Written(store.open())
    written.commit({0: STRETCH_EVENTS + 500})
    for turn in range(120):
        written.commit({0: 30, 1 + turn % (PEOPLE - 2): 3})
    written.commit({PEOPLE - 1: 1})
    return written


def index_of(store: CassandraStore, journal: ClosingJournal) -> tuple[EntityEvents, CassandraLog]:
    log = CassandraLog(journal.connection, identify(journal.connection, None), bucket_bytes=store.bucket_bytes)
    return EntityEvents(journal.connection, journal.incarnation), log


def assert_all_replays(written: Written, *journals: ClosingJournal) -> None:
    for journal in journals:
        for number, entity in enumerate(written.entities):
            expected = written.of(number)
            for after in (0, 1, len(expected) // 2, len(expected) - 1, len(expected)):
                assert list(journal.replay(entity, after)) == expected[after:]


def test_replays_are_whole_before_an_index_with_one_behind_one_and_while_it_is_rebuilt(
    store: CassandraStore, written: Written
) -> None:
    owner, reader = store.opened[0], store.open()
    assert_all_replays(written, owner, reader)
    index, log = index_of(store, store.open())
    indexer = Indexer(index, log.reader, [SHARD])
    assert indexer.catch_up() > 0
    offset = index.offset(SHARD)
    assert 0 < offset.position < len(written.log)
    assert_all_replays(written, owner, reader, store.open())
    written.commit({0: 5, 1: 1})
    assert_all_replays(written, owner, reader)

    rebuild = IndexRebuild(index, log.reader, SHARD)

    def half_way(_done: int, _all: int) -> None:
        assert_all_replays(written, owner, reader, store.open())

    assert rebuild.run(half_way, lambda: False)
    assert index.offset(SHARD).generation == offset.generation + 1
    assert_all_replays(written, owner, reader, store.open())
    rebuild.start_over()
    assert_all_replays(written, owner, reader, store.open())
    indexer.catch_up()
    assert index.offset(SHARD).position >= offset.position
    assert_all_replays(written, owner, reader, store.open())


def test_replays_are_whole_while_two_indexers_and_a_rebuild_run(store: CassandraStore, written: Written) -> None:
    stop = threading.Event()
    threads = []
    for _ in range(2):
        index, log = index_of(store, store.open())
        threads.append(threading.Thread(target=Indexer(index, log.reader, [SHARD]).run, args=(stop,)))
    index, log = index_of(store, store.open())
    for thread in threads:
        thread.start()
    try:
        reader = store.open()
        deadline = time.monotonic() + 60
        rebuilt = 0
        while rebuilt < 2 or index.offset(SHARD).position == 0:
            assert time.monotonic() < deadline
            written.commit({0: 20, 2: 4})
            if index.offset(SHARD).position > 0:
                rebuilt += IndexRebuild(index, log.reader, SHARD).run(lambda *_: None, lambda: False)
            assert list(reader.replay(written.entities[0], 4_000)) == written.of(0)[4_000:]
            assert list(store.opened[0].replay(written.entities[2])) == written.of(2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert_all_replays(written, reader, store.open())


def test_one_entitys_replay_reads_its_own_rows_and_meets_no_tombstone(store: CassandraStore, written: Written) -> None:
    index, log = index_of(store, store.opened[0])
    Indexer(index, log.reader, [SHARD]).catch_up()
    IndexRebuild(index, log.reader, SHARD).run(lambda *_: None, lambda: False)
    values = (store.opened[0].incarnation, index.offset(SHARD).generation, written.entities[1], 0, 0, 64)
    traced = store.opened[0].connection.traced(ENTITY_EVENTS, values)
    assert 1 <= len(traced.rows) <= 3
    assert traced.live_rows == len(traced.rows)
    assert traced.tombstones == 0
    assert not traced.full_scan


def test_a_damaged_row_of_the_index_fails_that_entity_alone_until_a_rebuild(
    store: CassandraStore, written: Written
) -> None:
    index, log = index_of(store, store.opened[0])
    Indexer(index, log.reader, [SHARD]).catch_up()
    connection = store.opened[0].connection
    values = (store.opened[0].incarnation, 0, written.entities[1], 0, 0, 64)
    (last_sequence,) = connection.ask(ENTITY_EVENTS, values)[0]
    damage = Statement(
        "UPDATE {log}.entity_events SET content = ? "
        "WHERE incarnation = ? AND generation = ? AND entity = ? AND stretch = ? AND last_sequence = ?",
        Access.WRITE,
    )
    connection.ask(damage, (b"damaged", *values[:4], last_sequence))
    reader = store.open()
    with pytest.raises(CorruptError, match="checksum"):
        list(reader.replay(written.entities[1]))
    assert list(reader.replay(written.entities[2])) == written.of(2)
    IndexRebuild(index, log.reader, SHARD).run(lambda *_: None, lambda: False)
    assert list(reader.replay(written.entities[1])) == written.of(1)


def test_snapshots_hold_with_clocks_ten_seconds_apart(store: CassandraStore) -> None:
    ahead = store.open(clock_us=lambda: time.time_ns() // 1_000 + 10_000_000)
    behind = store.open(clock_us=lambda: time.time_ns() // 1_000 - 10_000_000)
    person = person_in(SHARD, ahead.shards)
    entities = [person.persistence_id, person.session("11111111-1111-4111-8111-111111111111")]
    for sequence in range(10, 60, 10):
        for entity in entities:
            (ahead if sequence % 20 else behind).save_snapshot(snapshot(entity, sequence))
    for entity in entities:
        assert [one.sequence for one in behind.snapshots(entity)] == [50, 40]
    again = snapshot(entities[0], 50, b"again")
    behind.save_snapshot(again)
    assert ahead.snapshots(entities[0])[0] == again
    behind.discard_snapshots(person.persistence_id)
    for journal in (ahead, behind):
        for entity in entities:
            assert journal.snapshots(entity) == []
            journal.save_snapshot(snapshot(entity, 70))
            assert journal.snapshots(entity) == []


def test_the_newest_snapshots_are_read_without_meeting_a_tombstone_and_large_ones_fit(store: CassandraStore) -> None:
    journal = store.open()
    entity = entity_in(journal, SHARD)
    for sequence in range(40):
        journal.save_snapshot(snapshot(entity, sequence))
    traced = journal.connection.traced(NEWEST_SNAPSHOTS, (journal.incarnation, entity))
    assert len(traced.rows) == 2
    assert traced.live_rows == 2
    assert traced.tombstones == 0
    large = [snapshot(entity, sequence, bytes(1 << 20)) for sequence in (100, 101)]
    for one in large:
        journal.save_snapshot(one)
    assert journal.snapshots(entity) == large[::-1]
