"""The same worlds on a cluster that loses, delays and does things unheard: the invariants hold in each of them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.checker import violations
from tests.simulation.cluster_world import ClusterWorld, simulate_on_cluster

pytestmark = pytest.mark.simulation

SEEDS = 600
PORTION = 50


@pytest.mark.parametrize("first", range(0, SEEDS, PORTION))
def test_the_invariants_hold_on_a_cluster_whatever_goes_wrong(first: int) -> None:
    for seed in range(first, first + PORTION):
        found = violations(simulate_on_cluster(seed))
        assert not found, f"replay with `python -m tests.simulation --store cassandra --seed {seed} --verbose`: {found}"


def test_a_seed_on_a_cluster_is_a_history() -> None:
    for seed in (3, 17, 42):
        once, again = simulate_on_cluster(seed), simulate_on_cluster(seed)
        assert [repr(entry) for entry in once.entries] == [repr(entry) for entry in again.entries]


def test_the_worlds_meet_every_fault_of_a_cluster() -> None:
    met: Counter[str] = Counter()
    for seed in range(100):
        world = ClusterWorld(seed)
        world.run()
        met.update(world.link.met)
        met["a bucket was opened"] += len(world.link.cluster.tables["sim_log.log"].partitions)
    wanted = {
        "lost", "late and applied", "late and refused by its condition", "unheard", "unheard and hidden", "unreachable",
        "a bucket was opened", "a block was indexed", "the index was rebuilt", "a write failed",
    }  # fmt: skip
    assert wanted <= {fault for fault, times in met.items() if times >= 10}
