"""Worlds in which owners come and go, in order and otherwise: the invariants hold in each of them."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from tests.simulation.checker import violations
from tests.simulation.members_world import MembersWorld, simulate_members

pytestmark = pytest.mark.simulation

SEEDS = 160
PORTION = 40


@pytest.mark.parametrize("first", range(0, SEEDS, PORTION))
def test_the_invariants_hold_whoever_comes_and_goes(first: int) -> None:
    for seed in range(first, first + PORTION):
        found = violations(simulate_members(seed))
        assert not found, f"replay with `python -m tests.simulation --store members --seed {seed} --verbose`: {found}"


def test_a_seed_of_the_members_is_a_history() -> None:
    for seed in (3, 17):
        once, again = simulate_members(seed), simulate_members(seed)
        assert [repr(entry) for entry in once.entries] == [repr(entry) for entry in again.entries]


def test_the_worlds_meet_every_way_in_which_a_shard_moves() -> None:
    met: Counter[str] = Counter()
    for seed in range(40):
        world = MembersWorld(seed)
        seen = world.run().seen
        met["yield"] += "Yield" in seen
        met["calm"] += world.calm
        for node in world.members:
            met.update(msgspec.structs.asdict(node.counts))
    wanted = ("taken", "handed_over", "overdue", "given", "forgotten", "yield", "calm")
    assert all(met[what] >= 10 for what in wanted), met
