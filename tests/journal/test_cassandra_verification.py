"""Each sort of damage to a log in Cassandra, done by plain statements, is found with its place, and without keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from kinelog.cassandra_session.connection import Access, Connection, Statement, Value
from kinelog.journal.cassandra import entity_blocks
from kinelog.journal.cassandra.entity_events import EntityEvents, Offset
from kinelog.journal.cassandra.inspection import CassandraInspection
from kinelog.journal.cassandra.journal import CassandraLog
from kinelog.journal.cassandra.log_identity import identify
from kinelog.journal.commit_row import pack
from kinelog.journal.records import StoredEvent
from kinelog.journal.verification import Report, verify
from msgspec.structs import replace

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.journal.cassandra_store import ClosingJournal, cassandra_store
from tests.journal.contract import commits_of, new_id
from tests.journal.stored_events import person_in, stored

pytestmark = pytest.mark.cassandra

SHARDS = 36
_SET = "UPDATE {log}.log SET COLUMN = ? WHERE shard = ? AND bucket = ?"


class DamagedShard:
    """A shard with commits at 1-4, 5-8, … 17-20 in several buckets, all of them in the index."""

    def __init__(self, journal: ClosingJournal, shard: int) -> None:
        self.shard = shard
        self.connection: Connection = journal.connection
        commits_of(journal, shard, (4,) * 5)

    def found(self) -> list[tuple[str, int]]:
        """Kinds and positions of the findings in this shard."""
        return [(one.kind, one.position) for one in self.report().findings if one.shard == self.shard]

    def report(self) -> Report:
        return report_on(self.connection)

    def write(self, cql: str, *values: Value) -> None:
        """A plain statement, without any condition."""
        self.connection.ask(Statement(cql, Access.WRITE), values)

    def buckets(self) -> dict[int, list[int]]:
        """Last positions of the commits, by bucket."""
        rows = self.connection.ask(Statement("SELECT shard, bucket, last FROM {log}.log", Access.READ))
        found: dict[int, list[int]] = {}
        for shard, bucket, last in cast("list[tuple[int, int, int | None]]", rows):
            if shard == self.shard and last is not None:
                found.setdefault(bucket, []).append(last)
        return {bucket: sorted(found[bucket]) for bucket in sorted(found)}

    @property
    def newest(self) -> int:
        """The newest bucket."""
        return max(self.buckets())

    def set(self, column: str, value: Value, last: int) -> None:
        """A column of the commit that ends at a position."""
        cql = _SET.replace("COLUMN", column)
        self.write(f"{cql} AND last = ?", value, self.shard, self.bucket_of(last), last)

    def set_static(self, column: str, value: Value, bucket: int) -> None:
        """A static column of a bucket."""
        self.write(_SET.replace("COLUMN", column), value, self.shard, bucket)

    def set_static_ahead(self, column: str, value: Value, bucket: int) -> None:
        """The same from a client whose clock is an hour ahead: further than any verification takes."""
        ahead = time.time_ns() // 1_000 + 3_600_000_000
        cql = _SET.replace("COLUMN", column).replace("SET", "USING TIMESTAMP ? SET")
        self.write(cql, ahead, value, self.shard, bucket)

    def put(self, bucket: int, event: StoredEvent, after: int, epoch: int = 1) -> None:
        """A commit of one event, whole and with a checksum that holds."""
        row, _ = pack(self.shard, after, epoch, new_id(), [event])
        self.write(
            "INSERT INTO {log}.log (shard, bucket, last, first, row_epoch, commit_id, checksum, directory, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(self.shard, bucket, row.last, row.first, epoch),
            *(row.commit_id, row.checksum, row.directory, row.body),
        )

    def delete(self, last: int) -> None:
        """The row of a commit."""
        cql = "DELETE FROM {log}.log WHERE shard = ? AND bucket = ? AND last = ?"
        self.write(cql, self.shard, self.bucket_of(last), last)

    def bucket_of(self, last: int) -> int:
        return next(bucket for bucket, rows in self.buckets().items() if last in rows)

    def somebody(self, number: int = 9) -> str:
        """A person's own stream in this shard who has no events, unless the number is 0 or 1."""
        return person_in(self.shard, SHARDS, number).persistence_id

    def unindex(self, entity: str) -> None:
        """Take an entity out of the index."""
        incarnation = identify(self.connection, None).incarnation
        self.write(
            "DELETE FROM {log}.entity_events WHERE incarnation = ? AND generation = 0 AND entity = ? AND stretch = 0",
            incarnation,
            entity,
        )

    def index(self, entity: str, events: list[StoredEvent], after: int) -> None:
        """Write what a commit of these events would put into the index."""
        row, _ = pack(self.shard, after, 1, new_id(), events)
        EntityEvents(self.connection, identify(self.connection, None).incarnation).write(0, [row])
        assert entity in {event.entity for event in events}


def report_on(connection: Connection, told: list[int] | None = None) -> Report:
    log = CassandraInspection(connection, identify(connection, None))
    try:
        return verify(log, ([] if told is None else told).append)
    finally:
        log.close()


@pytest.fixture(scope="module")
def journal(cassandra_node: SharedNode, cassandra_session: CqlSession) -> Iterator[ClosingJournal]:
    """One log for all tests; each has a shard of its own, and what it damages there stays."""
    with cassandra_store(cassandra_node, cassandra_session, bucket_bytes=1_500, shards=SHARDS) as store:
        yield store.open()


@pytest.fixture(scope="module")
def unused() -> Iterator[int]:
    return iter(range(SHARDS))


@pytest.fixture
def shard(journal: ClosingJournal, unused: Iterator[int]) -> DamagedShard:
    made = DamagedShard(journal, next(unused))
    assert len(made.buckets()) >= 3
    return made


@pytest.fixture
def indexed(shard: DamagedShard, monkeypatch: pytest.MonkeyPatch) -> DamagedShard:
    """The same, with all of it in the index."""
    monkeypatch.setattr(entity_blocks, "BLOCK_COMMITS", 1)
    identity = identify(shard.connection, None)
    log = CassandraLog(shard.connection, identity)
    events = EntityEvents(shard.connection, identity.incarnation)
    rows = log.reader.rows(shard.shard, 0, 100)
    events.write(0, rows)
    events.move_offset(shard.shard, Offset(0, rows[-1].last))
    return shard


def test_a_sound_log_of_several_buckets_has_no_findings(shard: DamagedShard, indexed: DamagedShard) -> None:
    assert shard.found() == indexed.found() == []


def test_everything_is_counted_and_told(shard: DamagedShard) -> None:
    told: list[int] = []
    report = report_on(shard.connection, told)
    assert report.events == sum(told) >= 20
    assert report.commits >= 5
    assert report.shards == SHARDS


def test_a_log_that_is_written_to_has_no_findings(shard: DamagedShard, journal: ClosingJournal) -> None:
    def write() -> None:
        head = 20
        while head < 120:
            owner = journal.acquire(shard.shard, "again")
            for _ in range(5):
                events = [stored(shard.somebody(), head - 19)]
                head = journal.commit(shard.shard, owner.epoch, head, new_id(), events)

    writer = threading.Thread(target=write)
    writer.start()
    found = [shard.found()]
    while writer.is_alive():
        found.append(shard.found())
    writer.join()
    assert found == [[]] * len(found)
    assert journal.head(shard.shard) == 120


def without_epochs(shard: DamagedShard) -> None:
    for bucket in shard.buckets():
        shard.set_static("epoch", None, bucket)


DAMAGES: dict[str, tuple[str, int, Callable[[DamagedShard], None]]] = {
    "a commit is gone": ("hole", 5, lambda shard: shard.delete(8)),
    "the last commit is gone": ("head", 16, lambda shard: shard.delete(20)),
    "a position stands in two buckets": (
        "double",
        10,
        lambda shard: shard.put(shard.newest, stored(shard.somebody(), 1), 9),
    ),
    "a position stands in two rows of a bucket": (
        "double",
        1,
        lambda shard: shard.put(0, stored(shard.somebody(), 1), 1),
    ),
    "a commit lies behind the head": (
        "head",
        20,
        lambda shard: shard.put(shard.newest, stored(shard.somebody(), 1), 22),
    ),
    "a checksum does not hold": ("checksum", 5, lambda shard: shard.set("checksum", bytes(16), 8)),
    "a body is cut": ("unreadable", 5, lambda shard: shard.set("body", b"\x94", 8)),
    "a column is gone": ("checksum", 5, lambda shard: shard.set("commit_id", None, 8)),
    "a sequence is out of line": (
        "sequence",
        10,
        lambda shard: shard.put(shard.bucket_of(12), stored(shard.somebody(), 7), 9),
    ),
    "an event is not where it was sealed for": (
        "checksum",
        10,
        lambda shard: shard.put(shard.bucket_of(12), replace(stored(shard.somebody(8), 1), entity=shard.somebody()), 9),
    ),
    "a person of another shard": (
        "shard",
        10,
        lambda shard: shard.put(shard.bucket_of(12), stored(person_in(shard.shard + 1, SHARDS).persistence_id, 1), 9),
    ),
    "an older epoch stands behind a newer one": ("epoch", 9, lambda shard: shard.set("row_epoch", 7, 8)),
    "an epoch is newer than the newest": ("epoch", 17, lambda shard: shard.set("row_epoch", 9, 20)),
    "a sealed bucket takes commits again": ("bucket", 8, lambda shard: shard.set_static("epoch", 1, 0)),
    "a bucket begins elsewhere": ("bucket", 3, lambda shard: shard.set_static("start", 3, 1)),
    "the head is behind": ("head", 18, lambda shard: shard.set_static("head", 18, shard.newest)),
    "the head is ahead": ("head", 20, lambda shard: shard.set_static("head", 22, shard.newest)),
    "epoch and head are gone": ("head", 0, without_epochs),
    "one bucket has no epoch": ("bucket", 16, lambda shard: shard.set_static("epoch", None, 1)),
    "a bucket is sealed by nobody": ("bucket", 8, lambda shard: shard.set_static("sealed_epoch", 0, 0)),
    "a bucket has an older epoch": ("epoch", 8, lambda shard: shard.set_static("sealed_epoch", 5, 0)),
    "a bucket lies behind a gap": ("bucket", 0, lambda shard: shard.set_static("epoch", 5, shard.newest + 3)),
    "the epoch was written by a clock that is ahead": (
        "clock",
        20,
        lambda shard: shard.set_static_ahead("epoch", 1, shard.newest),
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_with_its_place(shard: DamagedShard, name: str) -> None:
    kind, position, damage = DAMAGES[name]
    damage(shard)
    assert (kind, position) in shard.found()


def test_a_shard_that_the_log_does_not_have_is_found(shard: DamagedShard) -> None:
    shard.write("UPDATE {log}.log SET epoch = 1 WHERE shard = ? AND bucket = 0", SHARDS + 7)
    assert ("bucket", SHARDS + 7) in [(one.kind, one.shard) for one in shard.report().findings]


INDEX_DAMAGES: dict[str, tuple[int, Callable[[DamagedShard], None]]] = {
    "lacks an entity": (0, lambda shard: shard.unindex(shard.somebody(0))),
    "has other events of an entity": (
        1,
        lambda shard: shard.index(shard.somebody(0), [stored(shard.somebody(0), one) for one in (1, 2)], 0),
    ),
    "has an entity that the log does not have": (
        5,
        lambda shard: shard.index(shard.somebody(), [stored(shard.somebody(), 1)], 4),
    ),
}


@pytest.mark.parametrize("name", INDEX_DAMAGES)
def test_an_index_that_disagrees_is_found(indexed: DamagedShard, name: str) -> None:
    position, damage = INDEX_DAMAGES[name]
    damage(indexed)
    assert indexed.found() == [("index", position)]


def test_what_the_index_has_ahead_of_its_offset_is_no_damage(shard: DamagedShard, journal: ClosingJournal) -> None:
    """Rows are written first and the offset last: whoever looks in between finds more than the offset promises."""
    log = CassandraLog(shard.connection, identify(shard.connection, None))
    EntityEvents(shard.connection, journal.incarnation).write(0, log.reader.rows(shard.shard, 0, 100))
    assert shard.found() == []
