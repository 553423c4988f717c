"""Models whose true accuracy is known, answering confirmation sets that rotate: what a promotion rule is judged on.

Whether a model is right on a set is decided by three normal parts: how hard the set is (all models share it), how the
model gets on with the session (shared by the session's sets), and chance. Two models of equal accuracy then disagree
on as many sets as two fits of one small network do, and their differences vary from session to session.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from kinelog.ml.promotion import CHANCE, NOT_WORSE_BY, ConfirmedScore, allowed_chance, compare, decide
from numpy.typing import NDArray

NIGHTS = 20

Rule = Callable[[ConfirmedScore, ConfirmedScore, int, int], bool]


@dataclass(frozen=True)
class World:
    """How large confirmation sets are and how models differ.

    Attributes:
        sessions: Sessions in a confirmation set.
        sets: Exercise sets in a session.
        accuracy: Of all models that are equal.
        shared: Share of the variance that all models share: .9 makes equal models of .85 differ on 8 % of sets.
        by_session: Share of the rest that a session's sets have in common.
        rotates_after: Uses after which a fresh set comes; 0: there are no new sessions, the set is used for ever.
    """

    sessions: int
    sets: int
    accuracy: float = 0.85
    shared: float = 0.9
    by_session: float = 0.2
    rotates_after: int = 10


class ConfirmationSet:
    """One set; each model that asks is a new one."""

    def __init__(self, world: World, name: str, rng: np.random.Generator) -> None:
        """Draw how hard each set is."""
        self._world, self._name, self._rng = world, name, rng
        rows = world.sessions * world.sets
        self._hard = math.sqrt(world.shared) * rng.normal(size=rows)
        self._sessions = np.repeat(np.arange(world.sessions), world.sets)

    def answers(self, name: str, accuracy: float) -> ConfirmedScore:
        """The answers of a new model of this accuracy."""
        world, rng = self._world, self._rng
        session = rng.normal(size=world.sessions)[self._sessions]
        chance = rng.normal(size=len(self._sessions))
        own = math.sqrt(world.by_session) * session + math.sqrt(1 - world.by_session) * chance
        right = self._hard + math.sqrt(1 - world.shared) * own < NormalDist().inv_cdf(accuracy)
        return _score(name, self._name, right, self._sessions)


def _score(name: str, set_name: str, right: NDArray[np.bool_], sessions: NDArray[np.int64]) -> ConfirmedScore:
    probabilities = np.stack((right, ~right), axis=1).astype(np.float64)
    nobody = np.zeros(len(right), dtype=np.int64)
    return ConfirmedScore(name, set_name, nobody, probabilities, people=nobody, sessions=sessions)


def full_rule(challenger: ConfirmedScore, champion: ConfirmedScore, uses: int, seed: int) -> bool:
    """What the night does."""
    return decide(challenger, champion, {}, uses=uses, seed=seed).outcome == "promoted"


def bound_alone(challenger: ConfirmedScore, champion: ConfirmedScore, uses: int, seed: int) -> bool:
    """Better, and not worse by two points at the lower end of the 90 % bound: without the test for chance."""
    found = compare(challenger, champion, uses=uses, seed=seed)
    return found.difference > 0 and found.low > -NOT_WORSE_BY


def with_chance(chance: float) -> Rule:
    """The rule with another probability allowed in the first ten uses."""

    def rule(challenger: ConfirmedScore, champion: ConfirmedScore, uses: int, seed: int) -> bool:
        found = compare(challenger, champion, uses=uses, seed=seed)
        allowed = allowed_chance(uses) * chance / CHANCE
        return found.difference > 0 and found.low > -NOT_WORSE_BY and found.chance <= allowed

    return rule


def promotions_of_equals(world: World, rules: Mapping[str, Rule], seed: int) -> dict[str, int]:
    """How often each rule promotes in `NIGHTS` nights whose winners are as good as the champion."""
    return {name: sum(_nights(world, rule, world.accuracy, seed)) for name, rule in rules.items()}


def promoted_when_better(world: World, rule: Rule, gain: float, seed: int) -> bool:
    """Whether one night promotes a model that is better than the champion by `gain`."""
    return next(_nights(world, rule, world.accuracy + gain, seed))


def _nights(world: World, rule: Rule, accuracy: float, seed: int) -> Iterator[bool]:
    rng = np.random.default_rng(seed)
    used = 0
    current = ConfirmationSet(world, "set", rng)
    champion = current.answers("champion", world.accuracy)
    for _ in range(NIGHTS):
        if world.rotates_after and used == world.rotates_after:
            used, current = 0, ConfirmationSet(world, "set", rng)
            champion = current.answers("champion", world.accuracy)
        used += 1
        challenger = current.answers("challenger", accuracy)
        promoted = rule(challenger, champion, used, 0)
        if promoted:
            champion = _named(challenger, "champion")
        yield promoted


def _named(score: ConfirmedScore, name: str) -> ConfirmedScore:
    return _score(name, score.confirmation_set, score.right > 0, score.sessions)
