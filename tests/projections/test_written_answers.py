"""What a worker writes to a cluster and the read side reads there is what the embedded store answers."""

from __future__ import annotations

import pytest

from tests.projections.busy_floor import BusyFloor
from tests.projections.cassandra_views import views_connection, written_floor
from tests.projections.every_question import compare
from tests.projections.written_floor import WrittenFloor

pytestmark = pytest.mark.cassandra

__all__ = ["views_connection", "written_floor"]


def test_every_answer_is_that_of_the_embedded_store(written_floor: WrittenFloor) -> None:
    busy = BusyFloor(written_floor, 1)
    for steps in (40, 80):  # the second time over rows that are overwritten, moved and deleted
        busy.play(steps)
        written_floor.project()
        compare(written_floor.read_side, written_floor.embedded, busy)
