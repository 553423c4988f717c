"""Gives each test a gym floor of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.gym_floor import GymFloor


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[GymFloor]:
    """A deployment in memory, its views in a file."""
    made = GymFloor(tmp_path)
    yield made
    made.close()
