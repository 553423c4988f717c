"""A tenant's data set is the same whichever store its tables are in."""

from __future__ import annotations

import pytest
from kinelog.domain.values import Purpose
from kinelog.ml.dataset import dataset_of_tenant

from tests.ml.fit_floor import Watch, enrolled, trained
from tests.projections.cassandra_views import views_connection, written_floor
from tests.projections.gym_floor import TENANT
from tests.projections.written_floor import WrittenFloor

pytestmark = pytest.mark.cassandra

__all__ = ["views_connection", "written_floor"]


def test_both_stores_give_one_data_set_to_the_last_bit(written_floor: WrittenFloor) -> None:
    for number, watch in enumerate((Watch(), Watch(25, 24.8), Watch(location="left-wrist"))):
        trained(written_floor, enrolled(written_floor, f"p{number}", Purpose.TRAINING_MODELS), number, watch)
    silent = enrolled(written_floor, "silent")
    trained(written_floor, silent, 9)
    written_floor.project()
    there = dataset_of_tenant(written_floor.read_side, TENANT)
    here = dataset_of_tenant(written_floor.embedded, TENANT)
    assert there.sha256 == here.sha256
    assert there.dropped == here.dropped == {"no consent": 2}
    assert len(there.examples) == 9
