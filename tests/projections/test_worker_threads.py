"""Workers side by side share the shards; what ends one ends all."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.worker import ProjectionWorker
from kinelog.projections.worker_threads import WorkerThreads
from typing_extensions import override

from tests.projections.gym_floor import GymFloor, dump
from tests.projections.test_rebuild import fill


@pytest.fixture
def stores(floor: GymFloor) -> Iterator[list[SqliteViews]]:
    opened = [SqliteViews(floor.folder / "threads" / "views.db") for _ in range(3)]
    yield opened
    for store in opened:
        store.close()


def test_workers_side_by_side_make_the_rows_of_one(floor: GymFloor, stores: list[SqliteViews]) -> None:
    fill(floor)
    shares: list[Sequence[int]] = []

    def make(shards: Sequence[int]) -> ProjectionWorker:
        shares.append(shards)
        return ProjectionWorker(floor.journal, floor.codec, stores[len(shares) - 1], shards)

    folded = WorkerThreads(make, range(4), 3).catch_up()
    assert sorted(shard for share in shares for shard in share) == [0, 1, 2, 3]
    floor.project()
    assert folded == sum(floor.journal.head(shard) for shard in range(4))
    assert dump(stores[0]) == dump(floor.store)


def test_there_are_no_more_workers_than_shards(floor: GymFloor, stores: list[SqliteViews]) -> None:
    made: list[Sequence[int]] = []

    def make(shards: Sequence[int]) -> ProjectionWorker:
        made.append(shards)
        return ProjectionWorker(floor.journal, floor.codec, stores[0], shards)

    WorkerThreads(make, (2,), 3)
    assert made == [(2,)]


def test_what_ends_one_worker_ends_all_and_is_told(floor: GymFloor, stores: list[SqliteViews]) -> None:
    made = iter(range(10))

    class Broken(ProjectionWorker):
        @override
        def step(self) -> int:
            raise RuntimeError("this one is broken")

    def make(shards: Sequence[int]) -> ProjectionWorker:
        number = next(made)
        kind = Broken if number == 1 else ProjectionWorker
        return kind(floor.journal, floor.codec, stores[number], shards)

    stop = threading.Event()
    with pytest.raises(RuntimeError, match="this one is broken"):
        WorkerThreads(make, range(4), 2).run(stop)
    assert stop.is_set()
