"""Whether a night's winner replaces the champion: one pure decision on sets that no selection saw.

A score that chose a model is too good: the best of thirty equal models looks six points better than it is. So the two
kinds of score are two types. `SelectionScore` ranks candidates and cannot be compared with a champion here;
`ConfirmedScore` holds answers on confirmation sessions, and only from it come decisions and published figures.

The rule and what it costs and misses, measured, stand in docs/promotion.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final

import numpy as np
from kinelog.ml import scores
from kinelog.ml.bootstrap import bootstrap_mean
from kinelog.ml.run_record import Comparison, Outcome, PromotionRecord
from kinelog.ml.scores import Ids, Reals
from kinelog.ml.sign_flips import chance_of_difference, groups_needed

NOT_WORSE_BY: Final = 0.02
"""The lower bound of the difference to the champion must lie above minus this."""
BOUND_LEVEL: Final = 0.90
CHANCE: Final = 0.10
"""How probable a difference as large may be between equal models, in one of a set's first ten uses."""
USES: Final = 10
"""Uses of one confirmation set at the full `CHANCE`; `confirmation` then looks for newer sessions."""
PEOPLE_AT_LEAST: Final = 12
"""With fewer people, sessions are what is drawn and flipped."""
POWER: Final = 0.80
TRIVIAL: Final = ("gravity", "logistic")
"""Baselines that a promoted model must beat; others are only reported."""
DRAWS: Final = 2000


class PairingError(ValueError):
    """Scores of models that did not answer the same rows of the same confirmation set."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


@dataclass(frozen=True, slots=True, order=True)
class SelectionScore:
    """What a candidate reached on the folds that choose among candidates: it ranks, and is never a result."""

    value: float
    folds: int = field(compare=False)


@dataclass(frozen=True, eq=False, slots=True)
class ConfirmedScore:
    """One model's answers on a confirmation set.

    Attributes:
        name: `challenger`, `champion`, or a baseline's.
        confirmation_set: Name of the set, as in its uses.
        truth: True label of each row, `(n,)`.
        probabilities: `(n, labels)`.
        people: Number of each row's person.
        sessions: Number of each row's session, counted over all people.
        abstain_below: It says nothing where it is less sure. Comparisons force a choice: a threshold is no skill.
    """

    name: str
    confirmation_set: str
    truth: Ids
    probabilities: Reals
    people: Ids
    sessions: Ids
    abstain_below: float = 0.0

    @property
    def right(self) -> Reals:
        """1 where the most probable label is the true one, else 0."""
        right: Reals = (scores.decisions(self.probabilities) == self.truth).astype(np.float64)
        return right

    @property
    def decided(self) -> Ids:
        """What the device would say, abstentions included."""
        return scores.decisions(self.probabilities, self.abstain_below)

    @property
    def groups(self) -> Ids:
        """What varies together: people where there are enough, else sessions."""
        return self.people if len(np.unique(self.people)) >= PEOPLE_AT_LEAST else self.sessions


def decide(
    challenger: ConfirmedScore,
    champion: ConfirmedScore | None,
    baselines: Mapping[str, ConfirmedScore],
    *,
    uses: int,
    seed: int,
) -> PromotionRecord:
    """Promote the challenger, or keep what is there.

    Args:
        challenger: The winner of the selection.
        champion: What phones have now, on the same rows; None when nothing was ever published.
        baselines: By name; those of `TRIVIAL` must be beaten.
        uses: How many times this confirmation set has been used, this time included.
        seed: Of the bootstrap and of the flips.

    Raises:
        PairingError: The scores are not of the same rows.
    """
    if uses < 1:
        raise PairingError(challenger.name, "a comparison is itself a use of the confirmation set: uses is 1 or more")
    peers = ([champion] if champion else []) + [baselines[name] for name in sorted(baselines)]
    compared = {peer.name: compare(challenger, peer, uses=uses, seed=seed) for peer in peers}
    trivial = [compared[baselines[name].name] for name in TRIVIAL if name in baselines]
    against_champion = compared[champion.name] if champion else None
    if against_champion is None:
        met = [name for name in TRIVIAL if name in baselines]
        reason = _shown_behind({name: compare(baselines[name], challenger, uses=uses, seed=seed) for name in met})
    else:
        reason = _obstacle(against_champion, trivial, uses)
    better: Outcome = "promoted" if champion else "first"
    return PromotionRecord(
        outcome=better if reason is None else "kept",
        reason=reason or _praise(against_champion, trivial),
        comparisons=tuple(compared.values()),
        confirmation_set=challenger.confirmation_set,
        uses=uses,
    )


def compare(challenger: ConfirmedScore, peer: ConfirmedScore, *, uses: int, seed: int) -> Comparison:
    """The difference in accuracy, paired by row, over drawn people or sessions."""
    _check_pair(challenger, peer)
    groups = challenger.groups
    differences = challenger.right - peer.right
    interval = bootstrap_mean(differences, groups, seed=seed, draws=DRAWS, level=BOUND_LEVEL)
    sums, _ = scores.group_sums(differences, groups)
    return Comparison(
        against=peer.name,
        difference=interval.estimate,
        low=interval.low,
        high=interval.high,
        smallest_detectable=smallest_detectable(differences, groups, allowed_chance(uses)),
        chance=chance_of_difference(sums, seed=seed),
    )


def allowed_chance(uses: int) -> float:
    """The chance allowed in the `uses`-th comparison on one set: less for each ten uses that it outlived."""
    return CHANCE / math.ceil(uses / USES)


def smallest_detectable(differences: Reals, groups: Ids, chance: float) -> float:
    """The true difference that would be promoted with probability `POWER`, from how differences vary between groups.

    1.0, which no model can reach, where too few groups differ for anything to be seen.
    """
    sums, sizes = scores.group_sums(differences, groups)
    count, rows = len(sums), int(sizes.sum())
    needed = groups_needed(chance)
    if count < needed:
        return 1.0
    spread = sums - differences.mean() * sizes
    error = math.sqrt(count / (count - 1) * float(np.square(spread).sum())) / rows
    normal = NormalDist()
    must_reach = max(
        normal.inv_cdf(1 - chance) * error, normal.inv_cdf((1 + BOUND_LEVEL) / 2) * error - NOT_WORSE_BY, needed / rows
    )
    return min(1.0, must_reach + normal.inv_cdf(POWER) * error)


def _shown_behind(ahead: Mapping[str, Comparison]) -> str | None:
    """Which baseline was shown to be better than a first model, as a sentence; None when none was.

    Without a champion phones have nothing, and a model that may well be as good as a baseline is more than that. On two
    or three sessions nothing is shown: equal models lie behind on all of them in a quarter of the nights, or an eighth.

    Args:
        ahead: Each baseline less the model, by the baseline's name.
    """
    for name, one in ahead.items():
        if one.low > 0 and one.chance <= CHANCE:
            return (
                f"lies behind the baseline {name} by {_points(one.difference)}, which equal models do with probability "
                f"{one.chance:.2f}"
            )
    return None


def _obstacle(champion: Comparison, trivial: Sequence[Comparison], uses: int) -> str | None:
    """The first condition of a promotion that fails, as a sentence; None when all hold."""
    if champion.difference <= 0:
        return f"not better than the champion ({_points(champion.difference)}); {_could_see(champion)}"
    if champion.low <= -NOT_WORSE_BY:
        return f"could be worse than the champion by {_points(-champion.low)}; {_could_see(champion)}"
    if champion.chance > allowed_chance(uses):
        return (
            f"{_points(champion.difference)} better than the champion, which equal models reach with probability "
            f"{champion.chance:.2f} (allowed in use {uses} of this set: {allowed_chance(uses):.2f}); "
            f"{_could_see(champion)}"
        )
    for one in trivial:
        if one.difference <= 0:
            return f"does not beat the baseline {one.against} ({_points(one.difference)}); {_could_see(one)}"
        if one.low <= -NOT_WORSE_BY:
            return f"could be worse than the baseline {one.against} by {_points(-one.low)}; {_could_see(one)}"
    return None


def _praise(champion: Comparison | None, trivial: list[Comparison]) -> str:
    if champion is not None:
        return f"better than the champion by {_points(champion.difference)}, lower bound {_points(champion.low)}"
    met = ", ".join(f"{one.against} ({100 * one.difference:+.1f} points)" for one in trivial)
    return f"nothing was published before; not shown to lie behind {met}" if met else "nothing was published before"


def _could_see(comparison: Comparison) -> str:
    if comparison.smallest_detectable >= 1:
        return "too few sessions for any difference to be seen"
    return f"the smallest difference that could have been seen is {_points(comparison.smallest_detectable)}"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _check_pair(one: ConfirmedScore, other: ConfirmedScore) -> None:
    if one.confirmation_set != other.confirmation_set:
        raise PairingError(other.name, f"answered the set {other.confirmation_set}, not {one.confirmation_set}")
    for part in ("truth", "people", "sessions"):
        if not np.array_equal(getattr(one, part), getattr(other, part)):
            raise PairingError(other.name, f"its rows differ in {part} from those of {one.name}")
