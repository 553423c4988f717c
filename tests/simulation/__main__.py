"""Replays a seed: `python -m tests.simulation --seed 17 --verbose`, or searches: `--from 0 --count 10000`."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.ablations import ABLATIONS
from tests.simulation.checker import violations
from tests.simulation.world import AS_IT_IS, simulate


def main() -> int:
    """Run the seeds that were asked for; 1 if one of them breaks an invariant."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one")
    parser.add_argument("--from", type=int, default=0, dest="first", help="first of several")
    parser.add_argument("--count", type=int, default=1_000, help="how many")
    parser.add_argument("--without", choices=sorted(ABLATIONS), help="take this safety rule away")
    parser.add_argument("--verbose", action="store_true", help="print everything that happens")
    chosen = parser.parse_args()
    variant = ABLATIONS[chosen.without].variant if chosen.without else AS_IT_IS
    seeds = range(chosen.first, chosen.first + chosen.count) if chosen.seed is None else (chosen.seed,)
    failed = 0
    for seed in seeds:
        found = violations(simulate(seed, variant, print if chosen.verbose else None))
        if found:
            failed += 1
            print(f"seed {seed}:", *found, sep="\n  ")
    print(f"{len(seeds)} seeds, {failed} with violations")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
