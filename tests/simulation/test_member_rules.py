"""Each rule of owners who come and go matters: take it away, and the checker objects within a few seeds."""

from __future__ import annotations

import logging

import pytest

from tests.simulation.checker import violations
from tests.simulation.member_ablations import MEMBER_ABLATIONS
from tests.simulation.members_world import simulate_members

pytestmark = pytest.mark.simulation

SEEDS = 200


@pytest.mark.parametrize("rule", sorted(MEMBER_ABLATIONS))
def test_without_the_rule_an_invariant_breaks_among_members(rule: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # what goes wrong here is meant to
    ablation = MEMBER_ABLATIONS[rule]
    broken: set[str] = set()
    for seed in range(SEEDS):
        broken |= {one.split(":")[0] for one in violations(simulate_members(seed, ablation.variant))}
        if broken.intersection(ablation.breaks):
            return
    pytest.fail(f"nobody noticed in {SEEDS} seeds that {rule} is gone; seen: {broken}")
