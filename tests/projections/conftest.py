"""Lets the tests of this folder import what they share, and gives each a gym floor of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gym_floor import GymFloor


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[GymFloor]:
    """A deployment in memory, its views in a file."""
    made = GymFloor(tmp_path)
    yield made
    made.close()
