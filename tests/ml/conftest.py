"""Gives tests a gym floor: log, keys and tables of a whole deployment in memory and one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.gym_floor import GymFloor


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[GymFloor]:
    """A deployment."""
    made = GymFloor(tmp_path / "floor")
    yield made
    made.close()
