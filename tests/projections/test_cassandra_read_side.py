"""The read side over Cassandra keeps the contract."""

from __future__ import annotations

import pytest

from tests.projections.cassandra_views import copied_floor, copied_views, views_connection
from tests.projections.copied_floor import CopiedFloor
from tests.projections.gym_floor import GymFloor
from tests.projections.read_side_contract import ReadSideContract

pytestmark = pytest.mark.cassandra

__all__ = ["copied_floor", "copied_views", "views_connection"]


class TestCassandraReadSide(ReadSideContract):
    """Over query tables on a real server."""

    @pytest.fixture
    def floor(self, copied_floor: CopiedFloor) -> GymFloor:
        """Asked through Cassandra."""
        return copied_floor
