"""Each rule of the log on a cluster matters: take it away, and the checker objects within a few seeds."""

from __future__ import annotations

import logging

import pytest

from tests.simulation.checker import violations
from tests.simulation.cluster_ablations import CLUSTER_ABLATIONS
from tests.simulation.cluster_world import simulate_on_cluster

pytestmark = pytest.mark.simulation

SEEDS = 400


@pytest.mark.parametrize("rule", sorted(CLUSTER_ABLATIONS))
def test_without_the_rule_an_invariant_breaks_on_a_cluster(rule: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # a world with a broken log complains about every recovery
    ablation = CLUSTER_ABLATIONS[rule]
    broken: set[str] = set()
    for seed in range(SEEDS):
        broken |= {one.split(":")[0] for one in violations(simulate_on_cluster(seed, ablation.variant))}
        if broken.intersection(ablation.breaks):
            return
    pytest.fail(f"nobody noticed in {SEEDS} seeds that {rule} is gone; seen: {broken}")
