"""Masked nets of a larger combination compete with the smaller one's own nets, on the same sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kinelog.device.blob import unpack_blob
from kinelog.device.evaluation import Evaluator
from kinelog.ml.calibration import abstention_threshold, fitted_temperature, grouped_softmax
from kinelog.ml.clusters import ClusterTable
from kinelog.ml.confirmation import first_state
from kinelog.ml.examples import Dataset, dataset_of
from kinelog.ml.folds import key_of, split
from kinelog.ml.genome import Genome
from kinelog.ml.night_data import laid_down, offered_of
from kinelog.ml.night_log import SilentLog
from kinelog.ml.night_plan import Plan, plan_of
from kinelog.ml.night_work import NightWork
from kinelog.ml.out_of_fold import answers_of
from kinelog.ml.recipes import ANY_WINDOW
from kinelog.ml.result_cache import ResultCache
from kinelog.ml.scope_models import scope_model
from kinelog.ml.selection import WANTED_ACCURACY, NightContext, calibration_of, luck, masks_of, refit, select
from kinelog.ml.selection import key_of as refit_name
from kinelog.ml.tasks import GENOMES_A_TASK, Place, genomes_a_task, select_key

from tests.ml.night.quick_night import FLOOR, made
from tests.ml.night.quick_work import QuickEngine

BOTH = ("left-wrist", "waist")
WEAK = Genome(seed=1)
MASKED = tuple(Genome(masked=True, seed=seed) for seed in range(6))


def worn_both_ways() -> Dataset:
    both = made(replace(FLOOR, sites=BOTH, sets=3))
    wrist = made(replace(FLOOR, seed=7, sets=3))
    others = (replace(one, person=f"{one.person}-too") for one in wrist.examples)
    return dataset_of([*both.examples, *others])


def test_luck_is_worth_less_the_more_sets_there_are() -> None:
    assert luck(0.8, 100) == pytest.approx(0.04)
    assert luck(0.8, 10_000) == pytest.approx(0.004)
    assert luck(1.0, 100) == 0.0


def test_the_usual_recipe_goes_before_another_candidate_that_is_better_by_less_than_luck(tmp_path: Path) -> None:
    plan = planned(tmp_path / "arrays")
    work = NightWork(QuickEngine(), ResultCache(tmp_path / "results"), SilentLog())
    context = NightContext(1, "code", Place(str(tmp_path / "arrays"), str(tmp_path / "results")))
    pool = next(pool for pool in plan.pools if pool.scope.sensors == BOTH[:1])
    genomes = (ANY_WINDOW, *(Genome(seed=seed) for seed in range(4)))
    ranked = select(work, context, (pool,), {pool.scope.path: genomes})[pool.scope.path]
    by_genome = {one.genome: one.score for one in ranked}
    for genome in genomes:
        key = select_key(context.common(pool), genome, (pool.everything,))
        answers = answers_of(work.result(key), genome, pool.data, pool.judged)[pool.everything]
        value = answers.score().value
        taken = 0.0 if genome == ANY_WINDOW else luck(value, answers.sets)
        assert by_genome[genome] == pytest.approx(value - taken)
        assert answers.early


def test_a_model_is_calibrated_by_what_was_answered_out_of_fold_as_recorded(tmp_path: Path) -> None:
    plan = planned(tmp_path / "arrays")
    work = NightWork(QuickEngine(), ResultCache(tmp_path / "results"), SilentLog())
    context = NightContext(1, "code", Place(str(tmp_path / "arrays"), str(tmp_path / "results")))
    pool = next(pool for pool in plan.pools if pool.scope.sensors == BOTH[:1])
    (ranked,) = select(work, context, (pool,), {pool.scope.path: (WEAK,)})[pool.scope.path]
    key = select_key(context.common(pool), WEAK, (pool.everything,))
    answers = answers_of(work.result(key), WEAK, pool.data, pool.judged)[pool.everything]
    kept, groups = ~answers.changed, answers.groups.tolist()
    assert 0 < kept.sum() < len(kept)
    found = calibration_of(work, context, ranked)
    assert found.temperature == fitted_temperature(answers.logits[kept], groups, answers.truth[kept])
    sure = grouped_softmax(answers.logits[kept], groups, found.temperature)
    assert found.abstain_below == abstention_threshold(sure, answers.truth[kept], WANTED_ACCURACY)
    assert found.temperature != fitted_temperature(answers.logits, groups, answers.truth)


def test_a_task_holds_fewer_genomes_where_each_fills_more_memory() -> None:
    assert genomes_a_task(100, 1) == GENOMES_A_TASK
    assert 1 < genomes_a_task(4_000, 12) < GENOMES_A_TASK
    assert genomes_a_task(1_000_000, 7) == 1


def planned(folder: Path) -> Plan:
    dataset = worn_both_ways()
    state = first_state({key_of(one, "session") for one in dataset.examples})
    parts = split(dataset.examples, state, 3, "session")
    return plan_of("gym", laid_down(offered_of(dataset), folder), parts, ClusterTable(), state.name, folder)


def test_the_best_masked_nets_of_a_larger_combination_are_among_the_smaller_one_s(tmp_path: Path) -> None:
    plan = planned(tmp_path / "arrays")
    pools = {pool.scope.sensors: pool for pool in plan.pools}
    assert set(pools) == {BOTH, BOTH[:1]}
    assert masks_of(pools[BOTH], plan.pools) == (0b01, 0b11)
    work = NightWork(QuickEngine(), ResultCache(tmp_path / "results"), SilentLog())
    context = NightContext(1, "code", Place(str(tmp_path / "arrays"), str(tmp_path / "results")))
    candidates = {pools[BOTH].scope.path: MASKED, pools[BOTH[:1]].scope.path: (WEAK,)}
    ranked = select(work, context, plan.pools, candidates)[pools[BOTH[:1]].scope.path]
    guests = [one for one in ranked if one.genome.masked]
    assert len(guests) == 3
    assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    assert {one.pool.scope.sensors for one in guests} == {BOTH}

    fitted = refit(work, context, guests[:1])[refit_name(context, guests[0])]
    small = pools[BOTH[:1]]
    model = scope_model(small, guests[0], calibration_of(work, context, guests[0]), fitted.blob)
    plain, masked = unpack_blob(model.blob), unpack_blob(fitted.blob)
    assert plain.sites == 1
    windows = np.random.default_rng(1).integers(-2000, 2000, (8, 50, 6), dtype=np.int16)
    wide = Evaluator(masked).evaluate(windows, 0b01).logits
    narrow = Evaluator(plain).evaluate(np.ascontiguousarray(windows[:, :, :3])).logits
    assert np.abs(wide - narrow).max() < 1e-3 * max(1.0, float(np.abs(wide).max()))
