"""Each safety rule matters: take it away, and the checker objects within a few seeds."""

from __future__ import annotations

import logging

import pytest

from tests.simulation.ablations import ABLATIONS
from tests.simulation.checker import violations
from tests.simulation.world import simulate

pytestmark = pytest.mark.simulation

SEEDS = 150


@pytest.mark.parametrize("rule", sorted(ABLATIONS))
def test_without_the_rule_an_invariant_breaks(rule: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # a world with a broken log complains about every recovery
    ablation = ABLATIONS[rule]
    broken: set[str] = set()
    for seed in range(SEEDS):
        broken |= {violation.split(":")[0] for violation in violations(simulate(seed, ablation.variant))}
        if broken.intersection(ablation.breaks):
            return
    pytest.fail(f"nobody noticed in {SEEDS} seeds that {rule} is gone; seen: {broken}")
