"""What the promotion rule lets through and what it misses: `python -m benchmarks.promotion_rule`.

Simulated models of known accuracy (`benchmarks/equal_models.py`): how often twenty nights of winners that are no better
than the champion promote, and with what probability one night promotes a model that is better. The peer in the same run
is the bound alone: the difference positive and the lower end of its 90 % bound above -2 points.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from benchmarks.equal_models import NIGHTS, Rule, World, bound_alone, full_rule, promoted_when_better, with_chance
from benchmarks.equal_models import promotions_of_equals as nights_of_equals

ALLOWED = 2
SIZES = ((10, 6), (20, 6), (40, 6), (40, 25), (150, 10))
VARIANTS: dict[str, dict[str, float]] = {
    "": {},
    "differ on 13 %": {"shared": 0.75},
    "differ on 13 %, half by session": {"shared": 0.75, "by_session": 0.5},
    "differ on 4 %": {"shared": 0.98},
    "accuracy .6": {"accuracy": 0.6},
    "no new sessions": {"rotates_after": 0},
}
LOWER: dict[str, dict[str, float]] = {"": {"accuracy": 0.8}, "differ on 16 %": {"accuracy": 0.8, "shared": 0.75}}
"""Room for a model to be better."""
RULES: dict[str, Rule] = {"bound alone": bound_alone, "rule": full_rule}
GAINS = (0.02, 0.05, 0.10)


def worlds(variants: dict[str, dict[str, float]]) -> dict[str, World]:
    """What is simulated, by name."""
    return {
        f"{sessions} sessions x {sets} sets{', ' if name else ''}{name}": replace(World(sessions, sets), **changed)  # type: ignore[arg-type]  # numbers of either kind
        for sessions, sets in SIZES
        for name, changed in variants.items()
    }


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="simulated runs of twenty nights a line")
    parser.add_argument("--chance", type=float, action="append", default=[], help="also the rule with this chance")
    parser.add_argument("--only", default="", help="settings of the first table whose name holds this")
    options = parser.parse_args()
    rules = RULES | {f"chance {chance}": with_chance(chance) for chance in options.chance}
    equals(rules, options.runs, options.only)
    better(rules, options.runs)


def equals(rules: dict[str, Rule], runs: int, only: str) -> None:
    """How often winners that are no better are promoted."""
    print(f"{NIGHTS} nights of winners equal to the champion: share of {runs} runs with more than {ALLOWED}")
    print(f"promotions (and promotions a run)\n{'':58}" + "".join(f"{rule:>16}" for rule in rules))
    worst = 0.0
    tried = {name: world for name, world in worlds(VARIANTS).items() if only in name}
    for name, world in tried.items():
        counts = [nights_of_equals(world, rules, seed) for seed in range(runs)]
        by_rule = {rule: np.array([one[rule] for one in counts]) for rule in rules}
        worst = max(worst, float(np.mean(by_rule["rule"] > ALLOWED)))
        figures = "".join(f"{np.mean(found > ALLOWED):>9.3f} ({found.mean():.2f})" for found in by_rule.values())
        print(f"{name:<58}{figures}", flush=True)
    print(f"worst of the rule in {len(tried)} settings: {worst:.3f}\n")


def better(rules: dict[str, Rule], runs: int) -> None:
    """How often a winner that is better is promoted in its first night."""
    print("probability that one night promotes a model better by so many points")
    print(f"{'':40}" + "".join(f"{f'{100 * gain:+.0f}, {rule}':>17}" for gain in GAINS for rule in rules))
    for name, world in worlds(LOWER).items():
        rates = [
            np.mean([promoted_when_better(world, rule, gain, seed) for seed in range(runs)])
            for gain in GAINS
            for rule in rules.values()
        ]
        print(f"{name:<40}" + "".join(f"{rate:>17.2f}" for rate in rates), flush=True)


if __name__ == "__main__":
    main()
