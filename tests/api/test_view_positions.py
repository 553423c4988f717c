"""Waiting for the views, bounded, also before there are any."""

from __future__ import annotations

import pytest
from kinelog.api.problems import ProblemError
from kinelog.api.view_positions import ViewPositions
from kinelog.projections.errors import ViewsUnavailableError


class LateViews:
    """Views that exist from the given look on."""

    def __init__(self, exist_from: int) -> None:
        self.looks = 0
        self._exist_from = exist_from

    def as_of(self) -> dict[int, int]:
        self.looks += 1
        if self.looks < self._exist_from - 1:
            raise ViewsUnavailableError
        if self.looks < self._exist_from:
            return {}
        return {0: 5}


async def test_a_position_is_waited_for_while_the_views_are_being_made() -> None:
    late = LateViews(3)
    await ViewPositions(late.as_of, 0.001, 10).wait_for({0: 5})
    assert late.looks == 3


async def test_views_that_never_come_are_behind_and_nothing_worse() -> None:
    with pytest.raises(ProblemError) as refused:
        await ViewPositions(LateViews(10**9).as_of, 0.001, 0.02).wait_for({0: 1})
    assert refused.value.kind.code == "view-behind"


async def test_reads_wait_for_the_first_views_once_and_never_fail_by_it() -> None:
    late = LateViews(3)
    positions = ViewPositions(late.as_of, 0.001, 10)
    await positions.exist()
    await positions.exist()
    assert late.looks == 3
    await ViewPositions(LateViews(10**9).as_of, 0.001, 0.02).exist()
