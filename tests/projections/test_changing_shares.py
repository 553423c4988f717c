"""Workers of several processes whose shares change while they run, and overlap: the rows are those of one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.worker import ProjectionWorker
from kinelog.projections.worker_threads import WorkerThreads

from tests.projections.gym_floor import GymFloor, dump
from tests.projections.test_rebuild import fill

SHARDS = 4


@pytest.fixture
def filled(floor: GymFloor) -> GymFloor:
    fill(floor)
    return floor


Share = st.frozensets(st.integers(0, SHARDS - 1))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1), Share), max_size=12), st.integers(0, 2**32))
def test_two_workers_whose_shares_change_and_overlap_make_the_rows_of_one(
    tmp_path_factory: pytest.TempPathFactory, filled: GymFloor, moves: list[tuple[int, frozenset[int]]], seed: int
) -> None:
    path = tmp_path_factory.mktemp("shared") / "views.db"
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(SqliteViews(path))) for _ in range(2)]
        groups = [threads_over(filled, store) for store in stores]
        for which, share in moves:
            groups[which].follow(sorted(share))
            groups[which].catch_up()
        for which in (seed % 2, 1 - seed % 2):
            groups[which].follow(range(SHARDS))
            groups[which].catch_up()
        filled.project()
        assert dump(stores[0]) == dump(filled.store)


def threads_over(floor: GymFloor, store: SqliteViews) -> WorkerThreads:
    def make(shards: Sequence[int]) -> ProjectionWorker:
        return ProjectionWorker(floor.journal, floor.codec, store, shards)

    return WorkerThreads(make, range(SHARDS), 1)
