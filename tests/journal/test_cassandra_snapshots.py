"""Snapshots in Cassandra's tables: two are kept and none comes back, whoever is late and whatever the clocks say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.cassandra_session.connection import Statement, Value
from kinelog.journal.cassandra.schema import LOG_SCHEMA
from kinelog.journal.cassandra.snapshots import CassandraSnapshots
from kinelog.journal.records import Snapshot

from tests.journal.model_connection import ModelConnection, model_cluster
from tests.journal.stored_events import snapshot
from tests.simulation.cluster.model import Cluster

PERSON = "demo/p"
SESSION = "demo/p/11111111-1111-4111-8111-111111111111"
NOW_US = 1_700_000_000_000_000


@pytest.fixture
def cluster() -> Cluster:
    return new_cluster()


def new_cluster() -> Cluster:
    return model_cluster(LOG_SCHEMA.migrations[0].statements)


def snapshots_of(cluster: Cluster, incarnation: str = "one") -> CassandraSnapshots:
    return CassandraSnapshots(ModelConnection(cluster), incarnation)


def stored_rows(cluster: Cluster) -> list[Value]:
    return [key[-1] for key, _ in cluster.tables["model_log.snapshots"].contents()]


def break_newest(cluster: Cluster) -> None:
    (partition,) = cluster.tables["model_log.snapshots"].partitions.values()
    newest = partition.rows[max(partition.rows, key=repr)].cells["content"]
    content = newest.value
    assert isinstance(content, bytes)
    object.__setattr__(newest, "value", content[:-1] + bytes([content[-1] ^ 1]))


@given(sequences=st.lists(st.integers(1, 12), min_size=1, max_size=20))
@settings(deadline=None, max_examples=60)
def test_the_newest_two_stay_in_whatever_order_they_are_saved(sequences: list[int]) -> None:
    cluster = new_cluster()
    snapshots = snapshots_of(cluster)
    for sequence in sequences:
        snapshots.save(snapshot(SESSION, sequence))
        assert len(stored_rows(cluster)) <= 2
    kept = sorted(set(sequences), reverse=True)[:2]
    assert [one.sequence for one in snapshots.newest(SESSION)] == kept


def test_the_last_save_of_one_sequence_counts(cluster: Cluster) -> None:
    snapshots = snapshots_of(cluster)
    for number in range(10):
        again = snapshot(SESSION, 7, b"%d" % number)
        snapshots.save(again)
        assert snapshots.newest(SESSION) == [again]


def test_a_damaged_snapshot_is_left_out_and_the_older_one_is_given(cluster: Cluster) -> None:
    snapshots = snapshots_of(cluster)
    kept = [snapshot(SESSION, sequence) for sequence in (10, 20)]
    for one in kept:
        snapshots.save(one)
    break_newest(cluster)
    assert snapshots.newest(SESSION) == kept[:1]


def test_a_snapshot_that_lies_in_anothers_place_is_left_out(cluster: Cluster) -> None:
    snapshots = snapshots_of(cluster)
    snapshots.save(snapshot(SESSION, 10))
    table = cluster.tables["model_log.snapshots"]
    (partition,) = table.partitions.values()
    table.partition(("one", PERSON)).rows = partition.rows
    assert snapshots.newest(PERSON) == []


def test_another_incarnation_sees_nothing_of_this_one(cluster: Cluster) -> None:
    snapshots_of(cluster).save(snapshot(SESSION, 900))
    restored = snapshots_of(cluster, "restored")
    assert restored.newest(SESSION) == []
    mine = snapshot(SESSION, 3)
    restored.save(mine)
    assert restored.newest(SESSION) == [mine]


@pytest.mark.parametrize("entity", [PERSON, SESSION])
def test_a_save_that_an_erasure_overtakes_anywhere_leaves_nothing(entity: str) -> None:
    """A first snapshot, and later ones: the erasure runs before each of the save's statements, or behind them."""
    for known in (0, 1, 2, 3):
        interrupted = True
        at = 0
        while interrupted:
            cluster = new_cluster()
            for number in range(known):
                snapshots_of(cluster).save(snapshot(entity, number + 1))
            interrupted = _saved_with_erasure_before_statement(cluster, snapshot(entity, 50), at)
            if not interrupted:
                snapshots_of(cluster).discard(PERSON)
            assert snapshots_of(cluster).newest(entity) == []
            assert stored_rows(cluster) == []
            at += 1
        assert at >= 4


def _saved_with_erasure_before_statement(cluster: Cluster, saved: Snapshot, at: int) -> bool:
    left = at

    def before(_statement: Statement, _values: tuple[Value, ...]) -> None:
        nonlocal left
        if left == 0:
            snapshots_of(cluster).discard(PERSON)
        left -= 1

    CassandraSnapshots(ModelConnection(cluster, before), "one").save(saved)
    return left < 0


def test_what_is_saved_after_an_erasure_does_not_stay(cluster: Cluster) -> None:
    snapshots_of(cluster).discard(PERSON)
    for entity in (PERSON, SESSION):
        snapshots_of(cluster).save(snapshot(entity, 1))
        assert snapshots_of(cluster).newest(entity) == []
    snapshots_of(cluster).save(snapshot("demo/other", 1))
    snapshots_of(cluster).save(snapshot("shard:1", 1))
    assert len(snapshots_of(cluster).newest("demo/other")) == 1
    assert len(snapshots_of(cluster).newest("shard:1")) == 1


def test_clocks_decide_nothing() -> None:
    """Savers and erasers whose clocks are years apart: every statement states its own timestamp."""
    clocks = iter([NOW_US * 2, 1, NOW_US, 5, NOW_US * 3] * 100)
    cluster = model_cluster(LOG_SCHEMA.migrations[0].statements, lambda: next(clocks))
    snapshots = snapshots_of(cluster)
    for sequence in (10, 20, 30, 30):
        snapshots.save(snapshot(SESSION, sequence))
    assert [one.sequence for one in snapshots.newest(SESSION)] == [30, 20]
    snapshots.discard(PERSON)
    assert stored_rows(cluster) == []
