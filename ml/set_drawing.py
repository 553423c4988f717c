"""Which sets a pool takes when there are more than it can hold: labels in turn, then sensors, then people.

Sets stand in one order in which labels take turns, within a label those who wear the same sensors, within these people,
and of a person's sets a hash of their keys decides. The first so many are taken. So a rare label keeps all of its sets
as long as the frequent ones have more, a rare combination of sensors does within its label, and nobody's sets push out
those of others. Chance depends on names alone: the same sets are drawn on every machine and in every night.

As sets come, drawn ones may make room for them; a set that was left out never comes in because of others that came.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from kinelog.ml.examples import SetFacts

MOST_SETS: Final = 4000
"""Of a pool, unless a night is told otherwise; `docs/networks.md` says what they cost and what more would bring."""

Set = TypeVar("Set", bound=SetFacts)

_LEVELS: Final[tuple[Callable[[SetFacts], str], ...]] = (
    lambda one: str(one.label),
    lambda one: "+".join(one.sites),
    lambda one: one.person,
)


def drawn(sets: Iterable[Set], at_most: int) -> list[Set]:
    """The labelled ones of these sets, or as many of them as are allowed, in the order that they come in.

    Args:
        sets: Each once.
        at_most: How many.
    """
    labelled = [one for one in sets if one.label is not None]
    if len(labelled) <= at_most:
        return labelled
    taken = {one.key for one in _in_turn(labelled, _LEVELS)[:at_most]}
    return [one for one in labelled if one.key in taken]


def _in_turn(sets: Sequence[Set], levels: Sequence[Callable[[SetFacts], str]]) -> list[Set]:
    """All of them: the first of each group, then the second of each; groups within groups likewise."""
    if not levels:
        return sorted(sets, key=lambda one: _chance(one.key))
    name, *within = levels
    groups: defaultdict[str, list[Set]] = defaultdict(list)
    for one in sets:
        groups[name(one)].append(one)
    lines = [_in_turn(groups[group], within) for group in sorted(groups, key=_chance)]
    placed = [(turn, number, one) for number, line in enumerate(lines) for turn, one in enumerate(line)]
    placed.sort(key=lambda place: place[:2])
    return [one for _, _, one in placed]


def _chance(name: str) -> bytes:
    return hashlib.sha256(f"kinelog drawn\0{name}".encode()).digest()
