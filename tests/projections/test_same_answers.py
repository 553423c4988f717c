"""The layouts keep what answers need: both stores answer every question alike, whatever happened on the floor."""

from __future__ import annotations

import pytest

from tests.projections.busy_floor import GYMS, BusyFloor
from tests.projections.cassandra_views import copied_floor, copied_views, views_connection
from tests.projections.copied_floor import CopiedFloor
from tests.projections.every_question import compare, paged
from tests.projections.gym_floor import TENANT

pytestmark = pytest.mark.cassandra

__all__ = ["copied_floor", "copied_views", "views_connection"]


@pytest.mark.parametrize("seed", range(2))
def test_the_layouts_lose_nothing_of_what_answers_need(copied_floor: CopiedFloor, seed: int) -> None:
    busy = BusyFloor(copied_floor, seed)
    busy.play(80)
    copied_floor.project()
    compare(copied_floor.read_side, copied_floor.embedded, busy)


def test_pages_of_every_size_hold_the_same_rows(copied_floor: CopiedFloor) -> None:
    busy = BusyFloor(copied_floor, 7)
    busy.play(80)
    copied_floor.project()
    side = copied_floor.read_side
    for gym in GYMS:
        whole = side.sessions_of_gym(TENANT, gym, None, None, None, 1000).rows
        assert whole == copied_floor.embedded.sessions_of_gym(TENANT, gym, None, None, None, 1000).rows
        for limit in range(1, len(whole) + 2):
            pages = paged(lambda key: side.sessions_of_gym(TENANT, gym, None, None, key, limit))  # noqa: B023  # at once
            assert tuple(row for page in pages for row in page.rows) == whole
            assert [len(page.rows) for page in pages[:-1]] == [limit] * (len(pages) - 1)


def test_a_cursor_goes_on_behind_its_row_in_the_next_generation(copied_floor: CopiedFloor) -> None:
    busy = BusyFloor(copied_floor, 11)
    busy.play(80)
    copied_floor.project()
    side = copied_floor.read_side
    gym = max(GYMS, key=lambda name: len(side.sessions_of_gym(TENANT, name, None, None, None, 1000).rows))
    whole = side.sessions_of_gym(TENANT, gym, None, None, None, 1000).rows
    assert len(whole) > 4
    first = side.sessions_of_gym(TENANT, gym, None, None, None, 3)
    copied_floor.copied.begin_generation()  # the tables that the reader knows are dropped: it must notice by itself
    copied_floor.project()
    rest = side.sessions_of_gym(TENANT, gym, None, None, first.next_key, 1000)
    assert (*first.rows, *rest.rows) == whole
