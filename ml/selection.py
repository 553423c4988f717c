"""From candidates to the ten of each pool: judged out of fold, ranked, calibrated, fitted once more on everything.

Nothing here has seen a confirmation session. A combination's own nets compete with the masked nets of every larger
combination, on the same sets and the same folds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from kinelog.device.sites import mask_of
from kinelog.ml.calibration import Calibration, calibrated
from kinelog.ml.genome import Genome, fits_muvr_format, genome_id
from kinelog.ml.night_work import NightWork
from kinelog.ml.out_of_fold import answers_of
from kinelog.ml.population import KEPT
from kinelog.ml.recipes import is_usual
from kinelog.ml.scope_pool import ScopePool
from kinelog.ml.tasks import (
    Common,
    Place,
    RefitResult,
    RefitTask,
    SelectTask,
    genomes_a_task,
    grouped,
    refit_key,
    select_key,
)

MASKED_GUESTS: Final = 3
"""Of each larger combination the best so many masked nets compete."""
WANTED_ACCURACY: Final = 0.9
"""Of what a model answers; it abstains where that costs the least answers."""


@dataclass(frozen=True, eq=False, slots=True)
class Ranked:
    """A candidate with what it reached.

    Attributes:
        pool: Where its network is fitted: the pool itself, or one with more sensors for a masked net.
        mask: Which of that pool's sensors are present.
        masks: All that the pool's masked nets were asked for, which name the result.
        score: What ranks: mean over the windows that choose, out of fold; less what `luck` is worth, unless it is the
            usual recipe.
    """

    pool: ScopePool
    mask: int
    masks: tuple[int, ...]
    genome: Genome
    score: float


@dataclass(frozen=True, slots=True)
class NightContext:
    """What all tasks of a night share."""

    seed: int
    code_version: str
    place: Place

    def common(self, pool: ScopePool) -> Common:
        """What names the results of a pool."""
        return Common(pool.data.sha256, self.seed, self.code_version)

    def common_whole(self, pool: ScopePool) -> Common:
        """What names the results of a pool with the sessions that were set apart."""
        return Common(pool.whole.sha256, self.seed, self.code_version)


def select(
    work: NightWork, context: NightContext, pools: Sequence[ScopePool], candidates: Mapping[str, Sequence[Genome]]
) -> dict[str, list[Ranked]]:
    """Judge all candidates of all pools.

    Args:
        work: Engine and cache.
        context: Of the night.
        pools: What is fitted.
        candidates: By the path of each pool's scope.

    Returns:
        The best of each pool first, by the path of its scope.
    """
    masks = {pool.scope.path: masks_of(pool, pools) for pool in pools}
    tasks, reused = [], 0
    for pool in pools:
        common, asked = context.common(pool), masks[pool.scope.path]
        genomes = {select_key(common, genome, asked): genome for genome in candidates[pool.scope.path]}
        alone = {key: SelectTask(common, context.place, (genome,), asked) for key, genome in genomes.items()}
        missing = work.missing(alone)
        reused += len(genomes) - len(missing)
        groups = grouped([genomes[key] for key in missing], genomes_a_task(len(pool.data), len(pool.scope.sensors)))
        tasks += [SelectTask(common, context.place, group, asked) for group in groups]
    work.do("select", tasks, reused)
    judged = {
        pool.scope.path: _judged(work, context, pool, candidates[pool.scope.path], masks[pool.scope.path])
        for pool in pools
    }
    return {pool.scope.path: _ranked(pool, pools, judged) for pool in pools}


def refit(work: NightWork, context: NightContext, chosen: Sequence[Ranked]) -> dict[str, RefitResult]:
    """Fit the chosen on all selection data of their pools; results by `key_of`."""
    return _refitted(work, "refit", context.place, chosen, context.common)


def refit_whole(work: NightWork, context: NightContext, winners: Sequence[Ranked]) -> dict[str, RefitResult]:
    """Fit winners on all sessions of their pools, confirmation included: once nothing is decided by it any more.

    Results by `whole_key_of`.
    """
    return _refitted(work, "refit-whole", context.place, winners, context.common_whole)


def _refitted(
    work: NightWork, phase: str, place: Place, chosen: Sequence[Ranked], common: Callable[[ScopePool], Common]
) -> dict[str, RefitResult]:
    """Fit each on all of the arrays that `common` names of its pool, unless that was done before."""
    keys = {refit_key(common(one.pool), one.genome): one for one in chosen}
    alone = {key: RefitTask(common(one.pool), place, (one.genome,)) for key, one in keys.items()}
    missing = {key: keys[key] for key in work.missing(alone)}
    tasks = []
    for pool in {one.pool.scope.path: one.pool for one in missing.values()}.values():
        genomes = [one.genome for one in missing.values() if one.pool is pool]
        groups = grouped(genomes, genomes_a_task(len(pool.data), len(pool.scope.sensors)))
        tasks += [RefitTask(common(pool), place, group) for group in groups]
    work.do(phase, tasks, len(keys) - len(missing))
    return {key: msgspec.msgpack.decode(work.result(key), type=RefitResult) for key in keys}


def whole_key_of(context: NightContext, one: Ranked) -> str:
    """The name of a winner's fit on all sessions."""
    return refit_key(context.common_whole(one.pool), one.genome)


def key_of(context: NightContext, one: Ranked) -> str:
    """The name of a candidate's refit."""
    return refit_key(context.common(one.pool), one.genome)


def calibration_of(work: NightWork, context: NightContext, one: Ranked) -> Calibration:
    """Temperature and threshold, from answers of networks that did not train on what they answer."""
    key = select_key(context.common(one.pool), one.genome, one.masks)
    answers = answers_of(work.result(key), one.genome, one.pool.data, one.pool.judged)[one.mask]
    recorded = ~answers.changed
    return calibrated(answers.logits[recorded], answers.groups.tolist(), answers.truth[recorded], WANTED_ACCURACY)


def ten_of(ranked: Sequence[Ranked]) -> tuple[list[Ranked], Ranked | None]:
    """The ten best, and the best that the format of the old app can say."""
    return list(ranked[:KEPT]), next((one for one in ranked if fits_muvr_format(one.genome)), None)


def masks_of(pool: ScopePool, pools: Sequence[ScopePool]) -> tuple[int, ...]:
    """The masks that a pool's masked nets are asked for: all its sensors, and each other pool's that are among them."""
    sensors = set(pool.scope.sensors)
    smaller = {
        mask_of(other.scope.sensors, pool.scope.sensors)
        for other in pools
        if other.scope.cluster == pool.scope.cluster and set(other.scope.sensors) < sensors
    }
    return tuple(sorted({*smaller, pool.everything}))


def _judged(
    work: NightWork, context: NightContext, pool: ScopePool, genomes: Sequence[Genome], masks: tuple[int, ...]
) -> Mapping[int, list[Ranked]]:
    """Candidates by mask. Answers are read one by one and let go: those of all together would fill the memory."""
    common = context.common(pool)
    found: dict[int, list[Ranked]] = {mask: [] for mask in masks}
    for genome in genomes:
        answers = answers_of(work.result(select_key(common, genome, masks)), genome, pool.data, pool.judged)
        for mask, one in answers.items():
            value = one.score().value
            score = value - (0.0 if is_usual(genome, early=one.early) else luck(value, one.sets))
            found[mask].append(Ranked(pool, mask, masks, genome, score))
    return found


def luck(score: float, sets: int) -> float:
    """What is taken off the score of all but the usual recipe: one standard error of a share among so many sets.

    The best of many candidates is the best by luck first: on a hundred sets the best of thirty equal ones looks six
    points better than it is. The recipe was found to hold on sessions that did not choose it, so a candidate has to be
    better by more than luck is worth, which vanishes as sets come.
    """
    return math.sqrt(max(0.0, score * (1.0 - score)) / sets)


def _ranked(
    pool: ScopePool, pools: Sequence[ScopePool], judged: Mapping[str, Mapping[int, list[Ranked]]]
) -> list[Ranked]:
    found = list(judged[pool.scope.path][pool.everything])
    for other in pools:
        if other.scope.cluster == pool.scope.cluster and set(pool.scope.sensors) < set(other.scope.sensors):
            guests = judged[other.scope.path][mask_of(pool.scope.sensors, other.scope.sensors)]
            found += sorted((one for one in guests if one.genome.masked), key=_order)[:MASKED_GUESTS]
    return sorted(found, key=_order)


def _order(one: Ranked) -> tuple[float, str, tuple[str, ...]]:
    # Of equal scores the order is that of names, on every machine.
    return (-one.score, genome_id(one.genome), one.pool.scope.sensors)
