"""A thousand worlds in which almost everything goes wrong: the invariants hold in each of them."""

from __future__ import annotations

import pytest
from kinelog.actors.effects import Effect
from kinelog.actors.messages import Message

from tests.simulation.checker import violations
from tests.simulation.world import simulate

pytestmark = pytest.mark.simulation

SEEDS = 1_500
PORTION = 50


@pytest.mark.parametrize("first", range(0, SEEDS, PORTION))
def test_the_invariants_hold_whatever_goes_wrong(first: int) -> None:
    for seed in range(first, first + PORTION):
        found = violations(simulate(seed))
        assert not found, f"replay with `python -m tests.simulation --seed {seed} --verbose`: {found}"


def test_a_seed_is_a_history() -> None:
    for seed in (3, 17, 42):
        once, again = simulate(seed), simulate(seed)
        assert [repr(entry) for entry in once.entries] == [repr(entry) for entry in again.entries]


def test_the_worlds_meet_every_message_and_every_effect() -> None:
    # `ReportDefect` belongs to a state machine that raises, and `KeyMissing` to a key that vanishes from outside: the
    # machine's own tests bring both about. `Yield` is met where owners come and go.
    elsewhere = {"ReportDefect", "KeyMissing", "Yield"}
    seen: set[str] = set()
    for seed in range(300):
        seen |= simulate(seed).seen
    expected = {kind.__name__ for union in (Message, Effect) for kind in union.__args__}
    assert seen == expected - elsewhere
