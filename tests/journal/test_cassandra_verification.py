"""Each sort of damage to a log in Cassandra, done by plain statements, is found with its place, and without keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import pytest
from kinelog.cassandra_session.connection import Access, Connection, Statement, Value
from kinelog.journal.cassandra.indexer import Indexer
from kinelog.journal.cassandra.inspection import CassandraInspection
from kinelog.journal.cassandra.log_identity import identify
from kinelog.journal.cassandra.requests import SEALED
from kinelog.journal.commit_row import pack
from kinelog.journal.records import StoredEvent
from kinelog.journal.verification import Report, verify

from tests.cassandra.shared_node import SharedNode
from tests.journal.cassandra_store import CassandraStore, closing
from tests.journal.contract import commits_of, new_id
from tests.journal.stored_events import person_in, stored

pytestmark = pytest.mark.cassandra

SHARD = 3
SHARDS = 4


class DamagedLog:
    """Commits at 1-4, 5-8, … 17-20 in shard 3, in several buckets; one in shard 0; all of shard 3 in the index."""

    def __init__(self, store: CassandraStore, *, bucket_bytes: int) -> None:
        store.bucket_bytes = bucket_bytes
        store.create()
        self.journal = store.open(SHARDS)
        commits_of(self.journal, SHARD, (4,) * 5)
        commits_of(self.journal, 0, (2,))
        self.connection: Connection = self.journal.connection

    def report(self, told: list[int] | None = None) -> Report:
        log = CassandraInspection(self.connection, identify(self.connection, None))
        try:
            return verify(log, ([] if told is None else told).append)
        finally:
            log.close()

    def found(self) -> list[tuple[str, int, int]]:
        return [(one.kind, one.shard, one.position) for one in self.report().findings]

    def write(self, cql: str, *values: Value) -> None:
        """A plain statement, without any condition."""
        self.connection.ask(Statement(cql, Access.WRITE), values)

    def buckets(self) -> dict[int, list[int]]:
        """Last positions of the commits of shard 3, by bucket."""
        rows = self.connection.ask(Statement("SELECT shard, bucket, last FROM {log}.log", Access.READ))
        found: dict[int, list[int]] = {}
        for shard, bucket, last in cast("list[tuple[int, int, int | None]]", rows):
            if shard == SHARD and last is not None:
                found.setdefault(bucket, []).append(last)
        return {bucket: sorted(found[bucket]) for bucket in sorted(found)}

    def bucket_of(self, last: int) -> int:
        return next(bucket for bucket, rows in self.buckets().items() if last in rows)

    def set(self, column: str, value: Value, last: int) -> None:
        """A column of the commit that ends at a position."""
        where = "WHERE shard = ? AND bucket = ? AND last = ?"
        self.write(f"UPDATE {{log}}.log SET {column} = ? {where}", value, SHARD, self.bucket_of(last), last)

    def set_static(self, column: str, value: Value, bucket: int) -> None:
        self.write(f"UPDATE {{log}}.log SET {column} = ? WHERE shard = ? AND bucket = ?", value, SHARD, bucket)

    def put(self, bucket: int, events: list[StoredEvent], after: int, epoch: int = 1) -> None:
        row, _ = pack(SHARD, after, epoch, new_id(), events)
        self.write(
            "INSERT INTO {log}.log (shard, bucket, last, first, row_epoch, commit_id, checksum, directory, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            SHARD,
            bucket,
            row.last,
            row.first,
            epoch,
            row.commit_id,
            row.checksum,
            row.directory,
            row.body,
        )

    def delete(self, last: int) -> None:
        where = "WHERE shard = ? AND bucket = ? AND last = ?"
        self.write(f"DELETE FROM {{log}}.log {where}", SHARD, self.bucket_of(last), last)


@pytest.fixture
def store(cassandra_node: SharedNode, keyspace_prefix: str) -> Iterator[CassandraStore]:
    with closing(CassandraStore(cassandra_node.address, keyspace_prefix)) as made:
        yield made


@pytest.fixture
def log(store: CassandraStore) -> DamagedLog:
    made = DamagedLog(store, bucket_bytes=2_500)
    assert len(made.buckets()) >= 3
    return made


def test_a_sound_log_of_several_buckets_has_no_findings(log: DamagedLog) -> None:
    told: list[int] = []
    report = log.report(told)
    assert report.findings == ()
    assert (report.commits, report.events, sum(told), report.shards) == (6, 22, 22, SHARDS)


def test_a_log_that_is_written_to_has_no_findings(log: DamagedLog) -> None:
    for _ in range(3):
        log.journal.acquire(SHARD, "again")
        assert log.report().findings == ()
    commits_of(log.journal, 1, (3,) * 20)
    assert log.report().findings == ()


def later(log: DamagedLog) -> int:
    """A bucket that is not the newest."""
    return max(log.buckets()) - 1


DAMAGES: dict[str, tuple[str, int, Callable[[DamagedLog], None]]] = {
    "a commit is gone": ("hole", 5, lambda log: log.delete(8)),
    "the last commit is gone": ("head", 16, lambda log: log.delete(20)),
    "a position stands in two buckets": (
        "double",
        17,
        lambda log: log.put(max(log.buckets()), [stored(person_in(SHARD, SHARDS, 9).persistence_id, 1)], 16),
    ),
    "a checksum does not hold": ("checksum", 5, lambda log: log.set("checksum", bytes(16), 8)),
    "a body is cut": ("unreadable", 5, lambda log: log.set("body", b"\x94", 8)),
    "a column is gone": ("checksum", 5, lambda log: log.set("commit_id", None, 8)),
    "an older epoch stands behind a newer one": ("epoch", 9, lambda log: log.set("row_epoch", 7, 8)),
    "an epoch is newer than the newest": ("epoch", 17, lambda log: log.set("row_epoch", 9, 20)),
    "a sealed bucket takes commits again": ("bucket", 4, lambda log: log.set_static("epoch", 1, 0)),
    "a bucket begins elsewhere": ("bucket", 3, lambda log: log.set_static("start", 3, 1)),
    "the head is behind": ("head", 18, lambda log: log.set_static("head", 18, max(log.buckets()))),
    "epoch and head are gone": ("head", 0, lambda log: [log.set_static("epoch", None, one) for one in log.buckets()] and None),
    "a bucket of no epoch": ("bucket", 8, lambda log: log.set_static("epoch", None, 1)),
    "a bucket is sealed by nobody": ("bucket", 4, lambda log: log.set_static("sealed_epoch", 0, 0)),
    "a bucket lies behind a gap": ("bucket", 0, lambda log: log.set_static("epoch", 5, max(log.buckets()) + 3)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_with_its_place(log: DamagedLog, name: str) -> None:
    kind, position, damage = DAMAGES[name]
    damage(log)
    assert (kind, SHARD, position) in log.found()
