"""Which combinations of sensors get a model: those that people wear, and their subsets as far as the data go.

Nothing of this is stored: it is expanded anew each night from what was worn. All subsets of seven sites in ten clusters
would be a hundred thousand fits, so the number is capped by the data there is. A subset that gets no models of its own
is still one that the masked net of a larger combination computes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from kinelog.device.sites import in_order
from kinelog.ml.examples import SetFacts

Sensors = tuple[str, ...]

SETS_AT_LEAST: Final = 24
"""Labelled sets without which nothing is fitted."""
SESSIONS_AT_LEAST: Final = 4
SETS_A_COMBINATION: Final = 200
"""One more combination that nobody wears exactly so, for each so many labelled sets."""
COMBINATIONS_AT_MOST: Final = 24


@dataclass(frozen=True, slots=True)
class Worn:
    """A combination and what there is of it.

    Attributes:
        sensors: Sites, in the order of the columns.
        examples: Labelled sets in which all of them were worn, others perhaps too.
        sessions: In which these sets were done.
        exactly: How many of the sets were worn exactly so.
        left_out: Why it gets no model of its own; None if it does.
    """

    sensors: Sensors
    examples: int
    sessions: int
    exactly: int
    left_out: str | None = None


def worn(examples: Iterable[SetFacts]) -> tuple[Worn, ...]:
    """Every subset of sites that were worn together, the ones to fit first, each part from the most to the least data.

    Combinations that people wear exactly so come before mere subsets of them.
    """
    labelled = [example for example in examples if example.label is not None]
    exact = Counter(example.sites for example in labelled)
    everything = sorted({subset for sites in exact for subset in _subsets(sites)}, key=lambda one: (len(one), one))
    found = [_counted(subset, exact, labelled) for subset in everything]
    found.sort(key=lambda one: (-min(one.exactly, 1), -one.examples, len(one.sensors), one.sensors))
    return tuple(sorted(_capped(found, len(labelled)), key=lambda one: one.left_out is not None))


def _subsets(sites: Sensors) -> Iterable[Sensors]:
    for size in range(1, len(sites) + 1):
        for subset in combinations(sites, size):
            yield in_order(subset)


def _counted(sensors: Sensors, exact: Counter[Sensors], labelled: list[SetFacts]) -> Worn:
    wanted = set(sensors)
    with_all = {sites: count for sites, count in exact.items() if wanted <= set(sites)}
    sessions = {(example.person, example.session) for example in labelled if example.sites in with_all}
    return Worn(sensors, sum(with_all.values()), len(sessions), exact[sensors])


def _capped(found: list[Worn], labelled: int) -> Iterable[Worn]:
    further = labelled // SETS_A_COMBINATION
    taken = 0
    for one in found:
        reason = _too_little(one)
        if reason is None and taken >= COMBINATIONS_AT_MOST:
            reason = f"{COMBINATIONS_AT_MOST} combinations with more data come before it"
        if reason is None and not one.exactly:
            if further <= 0:
                reason = f"nobody wears exactly these; {SETS_A_COMBINATION} sets are needed for each such combination"
            further -= 1
        taken += reason is None
        yield Worn(one.sensors, one.examples, one.sessions, one.exactly, reason)


def _too_little(one: Worn) -> str | None:
    if one.examples < SETS_AT_LEAST:
        return f"{one.examples} labelled sets are fewer than {SETS_AT_LEAST}"
    if one.sessions < SESSIONS_AT_LEAST:
        return f"{one.sessions} sessions are fewer than {SESSIONS_AT_LEAST}"
    return None
