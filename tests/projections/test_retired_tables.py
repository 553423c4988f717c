"""Tables of retired generations go when nobody can be reading them any more, and never many at a time."""

from __future__ import annotations

from kinelog.projections.rebuild import Rebuild
from kinelog.projections.view_store import RETIRED
from kinelog.projections.views import ALL_VIEWS

from tests.projections.cassandra_floor import Clock, empty_tables, store_over
from tests.projections.gym_floor import GymFloor

A_DAY_MS = 86_400_000


def test_each_scrub_drops_one_generation_so_that_a_worker_is_not_held_up_by_all(floor: GymFloor) -> None:
    clock = Clock()
    store = store_over(empty_tables(), floor, clock)
    floor.register("ada")
    floor.new_worker(store).catch_up()
    assert Rebuild(floor.journal, floor.codec, store).run(lambda _: None, lambda: False)
    assert len(store.generations(RETIRED)) == len(ALL_VIEWS)
    clock.now_ms += A_DAY_MS
    left = [len(ALL_VIEWS)]
    while not store.scrub():
        left.append(len(store.generations(RETIRED)))
    assert left == list(range(len(ALL_VIEWS), 0, -1))
    assert store.generations(RETIRED) == []
