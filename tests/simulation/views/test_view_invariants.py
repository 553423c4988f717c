"""Two workers write one log into one cluster's tables and are stopped anywhere: the tables are the fold of the log."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from tests.simulation.views.view_ablations import VIEW_ABLATIONS, VIEWS_AS_THEY_ARE
from tests.simulation.views.views_world import ViewsWorld

pytestmark = pytest.mark.simulation

SEEDS = 120
PORTION = 20
SEEDS_WITHOUT = 200


@pytest.mark.parametrize("first", range(0, SEEDS, PORTION))
def test_the_tables_are_the_fold_of_the_log_whoever_writes_late(first: int) -> None:
    for seed in range(first, first + PORTION):
        found = VIEWS_AS_THEY_ARE.run(seed)
        assert not found, f"replay with `python -m tests.simulation --store views --seed {seed}`: {found}"


@pytest.mark.parametrize("rule", sorted(VIEW_ABLATIONS))
def test_without_the_rule_the_tables_come_out_wrong(rule: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    for seed in range(SEEDS_WITHOUT):
        found = VIEW_ABLATIONS[rule].run(seed)
        if any(one.startswith("9: ") for one in found):
            return
    pytest.fail(f"nobody noticed in {SEEDS_WITHOUT} seeds that {rule} is gone")


def test_the_workers_meet_every_fault_of_a_write() -> None:
    met: Counter[str] = Counter()
    for seed in range(25):
        world = ViewsWorld(seed)
        world.run()
        met.update(world.link.met)
    assert {"a write came again later", "a write failed", "a write was done and failed"} <= met.keys()
