"""Rounds in which the sides of a contest take turns, so that whatever else the machine does meets all of them."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence

Sides = Mapping[str, Callable[[], float]]
Rates = dict[str, list[float]]


def in_turn(sides: Sides, rounds: int, told: Callable[[str, float], None] = lambda _side, _rate: None) -> Rates:
    """What each side reached in each round; `told` hears of each as soon as it is measured."""
    rates: Rates = {side: [] for side in sides}
    for _ in range(rounds):
        for side, measure in sides.items():
            rates[side].append(round(measure(), 1))
            told(side, rates[side][-1])
    return rates


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Of the medians."""
    return round(statistics.median(ours) / statistics.median(theirs), 3)


def spread(rates: Sequence[float]) -> str:
    """Median, smallest and largest of several rounds, for people."""
    return f"{statistics.median(rates):10,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


def machine() -> str:
    """What this ran on, and how much else ran there just now."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {load:.1f} at the start"
