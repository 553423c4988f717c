"""One entity's events come back whole whatever the index is doing; each rule of that order matters."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinelog.journal.cassandra.entity_events import EntityEvents
from kinelog.journal.cassandra.entity_recovery import EntityRecovery, Replayed
from kinelog.journal.cassandra.log_tail import LogTail
from kinelog.journal.errors import CorruptError, UnavailableError
from kinelog.journal.records import Positioned

from tests.journal.index_world import SHARD, IndexWorld, Replay, small_blocks

TURNS = 60
SEEDS = range(400)


@given(rng=st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_replay_is_right_at_any_lag_and_while_the_index_is_written_rebuilt_or_lost(rng: Random) -> None:
    with small_blocks():
        IndexWorld(rng).run(TURNS)


def breaks(replay: Replay | None = None) -> bool:
    """Whether some run of the same world finds a wrong replay."""
    for seed in SEEDS:
        try:
            with small_blocks():
                IndexWorld(Random(seed), replay).run(TURNS)
        except (AssertionError, CorruptError):
            return True
    return False


def test_the_world_of_these_tests_breaks_nothing_by_itself() -> None:
    assert not breaks()
