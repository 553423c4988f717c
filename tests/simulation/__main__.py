"""Replays a seed: `python -m tests.simulation --seed 17 --verbose`, or searches: `--from 0 --count 10000`.

`--store cassandra` runs the same world on a model of a cluster, `--store members` with nodes that come and go, `--store
views` two workers that fold one log into its tables.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterable

from tests.simulation.ablations import ABLATIONS
from tests.simulation.checker import violations
from tests.simulation.cluster_ablations import CLUSTER_ABLATIONS
from tests.simulation.cluster_world import CLUSTER_AS_IT_IS, simulate_on_cluster
from tests.simulation.member_ablations import MEMBER_ABLATIONS
from tests.simulation.members_world import MEMBERS_AS_THEY_ARE, simulate_members
from tests.simulation.views.view_ablations import VIEW_ABLATIONS, VIEWS_AS_THEY_ARE
from tests.simulation.world import AS_IT_IS, simulate

Trace = Callable[[str], None] | None


def _memory(seed: int, without: str | None, trace: Trace) -> list[str]:
    return violations(simulate(seed, ABLATIONS[without].variant if without else AS_IT_IS, trace))


def _cassandra(seed: int, without: str | None, trace: Trace) -> list[str]:
    variant = CLUSTER_ABLATIONS[without].variant if without else CLUSTER_AS_IT_IS
    return violations(simulate_on_cluster(seed, variant, trace))


def _views(seed: int, without: str | None, trace: Trace) -> list[str]:
    return (VIEW_ABLATIONS[without] if without else VIEWS_AS_THEY_ARE).run(seed, trace)


def _members(seed: int, without: str | None, trace: Trace) -> list[str]:
    variant = MEMBER_ABLATIONS[without].variant if without else MEMBERS_AS_THEY_ARE
    return violations(simulate_members(seed, variant, trace))


STORES: dict[str, tuple[Callable[[int, str | None, Trace], list[str]], Iterable[str]]] = {
    "memory": (_memory, ABLATIONS),
    "cassandra": (_cassandra, CLUSTER_ABLATIONS),
    "members": (_members, MEMBER_ABLATIONS),
    "views": (_views, VIEW_ABLATIONS),
}


def main() -> int:
    """Run the seeds that were asked for; 1 if one of them breaks an invariant."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--store", choices=STORES, default="memory", help="what is simulated")
    parser.add_argument("--seed", type=int, help="run this one")
    parser.add_argument("--from", type=int, default=0, dest="first", help="first of several")
    parser.add_argument("--count", type=int, default=1_000, help="how many")
    parser.add_argument("--without", "--ablate", metavar="RULE", help="take this safety rule away")
    parser.add_argument("--verbose", action="store_true", help="print everything that happens")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)  # what goes wrong here is meant to; violations are printed
    run, rules = STORES[chosen.store]
    if chosen.without is not None and chosen.without not in rules:
        parser.error(f"rules of --store {chosen.store}: {', '.join(sorted(rules))}")
    seeds = range(chosen.first, chosen.first + chosen.count) if chosen.seed is None else (chosen.seed,)
    failed = 0
    for seed in seeds:
        found = run(seed, chosen.without, print if chosen.verbose else None)
        if found:
            failed += 1
            print(f"seed {seed}:", *found, sep="\n  ")
    print(f"{len(seeds)} seeds, {failed} with violations")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
