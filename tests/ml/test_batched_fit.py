"""Batched fits: the same bits in any company, one candidate's misfortune its own, and nothing that piles up."""

from __future__ import annotations

import gc
import resource
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from kinelog.device.evaluation import Evaluator
from kinelog.ml import batched_fit
from kinelog.ml.batched_fit import fit_batch
from kinelog.ml.export import to_blob
from kinelog.ml.fit_job import FitJob, FitJobError, Targets
from kinelog.ml.stacked_training import ProgramCache

from tests.ml.made_fits import QUICK, SHAPES, movements, same_bits

pytestmark = pytest.mark.fit

DATA = movements()


def candidates(shape: str, count: int) -> list[FitJob]:
    """Jobs of one shape that differ in everything a batch may differ in."""
    jobs = []
    for number in range(count):
        genome = msgspec.structs.replace(
            SHAPES[shape],
            seed=number,
            learning_rate=0.003 + 0.001 * (number % 5),
            weight_decay=0.5 * (number % 3),
            dropout=0.2 * (number % 2),
            label_smoothing=0.05 * (number % 2),
            epochs=3 + number % 2,
        )
        fold = number % 5
        jobs.append(DATA.job(genome, np.flatnonzero(np.arange(60) % 5 != fold)[: 48 - number % 7], fold))
    return jobs


@pytest.mark.parametrize("shape", SHAPES)
def test_a_fit_has_the_same_bits_alone_among_five_and_among_thirty_two(shape: str) -> None:
    jobs = candidates(shape, 32)
    together = fit_batch(jobs)
    assert all(result.status == "ok" for result in together)
    for chosen in ([9], [20], [20, 3, 31, 14, 8]):
        for place, result in zip(chosen, fit_batch([jobs[at] for at in chosen]), strict=True):
            assert same_bits(result, together[place]), f"{shape}: candidate {place} among {len(chosen)}"


def test_results_come_in_the_order_of_the_jobs() -> None:
    jobs = candidates("dense", 6)
    forward, backward = fit_batch(jobs), fit_batch(jobs[::-1])
    assert all(same_bits(one, other) for one, other in zip(forward, backward[::-1], strict=True))


def test_another_seed_genome_or_fold_is_another_fit() -> None:
    job = DATA.job(QUICK)
    other_genome = DATA.job(msgspec.structs.replace(QUICK, seed=1))
    results = fit_batch([job, DATA.job(QUICK, seed=8), DATA.job(QUICK, fold=1), other_genome])
    assert len({result.layers[0].weights.tobytes() for result in results}) == 4


def test_chance_of_keras_numpy_and_python_has_no_say() -> None:
    before = fit_batch([DATA.job(QUICK)])[0]
    np.random.seed(1)  # noqa: NPY002 - the global generator is what must not matter
    assert same_bits(before, fit_batch([DATA.job(QUICK)])[0])


def test_a_candidate_that_runs_over_does_not_touch_the_others() -> None:
    jobs = candidates("raw", 5)
    wild = msgspec.structs.replace(jobs[2].genome, learning_rate=1e30)
    broken = [*jobs[:2], DATA.job(wild), *jobs[3:]]
    healthy, beside = fit_batch(jobs), fit_batch(broken)
    assert beside[2].status == "nan"
    assert beside[2].layers == ()
    for place in (0, 1, 3, 4):
        assert same_bits(healthy[place], beside[place])


@pytest.mark.parametrize("shape", SHAPES)
def test_networks_learn_what_there_is_to_learn(shape: str) -> None:
    job = DATA.job(msgspec.structs.replace(SHAPES[shape], epochs=25))
    result = fit_batch([job])[0]
    groups = DATA.targets.groups.tolist() if job.genome.fine_labels else range(4)
    said = Evaluator(to_blob(result, job.genome, groups, 1.0, 0.0, None)).evaluate(movements(seed=4).windows)
    right = DATA.targets.labels[DATA.example_of]
    assert (said.probabilities.argmax(axis=1) == right).mean() > 0.9
    assert result.curve[-1] < result.curve[0]
    assert len(result.curve) == 25


def test_wrong_labels_that_count_nothing_are_not_learned() -> None:
    wrong = np.arange(60) % 3 == 0
    fine = np.where(wrong, (DATA.targets.fine + 2) % 8, DATA.targets.fine)
    targets = Targets(fine // 2, fine, DATA.targets.groups, 4, weights=np.where(wrong, 0, 2).astype(np.float32))
    job = replace(DATA.job(msgspec.structs.replace(QUICK, epochs=30)), targets=targets)
    blob = to_blob(fit_batch([job])[0], job.genome, range(4), 1.0, 0.0, None)
    said = Evaluator(blob).evaluate(DATA.windows).probabilities.argmax(axis=1)
    assert (said == DATA.targets.labels[DATA.example_of]).mean() > 0.9


def test_a_network_that_trains_shorter_than_its_neighbours_stays_as_it_was_when_done() -> None:
    short = DATA.job(msgspec.structs.replace(QUICK, epochs=2), np.arange(20))
    long = DATA.job(msgspec.structs.replace(QUICK, epochs=9))
    assert same_bits(fit_batch([short])[0], fit_batch([long, short])[1])


def test_fits_of_a_shape_are_traced_once_and_memory_stays_flat() -> None:
    jobs = candidates("dense", 5)
    fit_batch(jobs)
    before = {shape: program.traces for shape, program in batched_fit.PROGRAMS.programs().items()}
    gc.collect()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for night in range(25):
        fit_batch([DATA.job(job.genome, job.train[night % 3 :], job.fold, seed=night) for job in jobs])
    after = {shape: program.traces for shape, program in batched_fit.PROGRAMS.programs().items()}
    assert before == after
    assert set(after.values()) == {1}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 8 * 1024, "125 fits took more than 8 MB"


def test_programs_that_were_not_used_for_longest_are_let_go() -> None:
    fit_batch([DATA.job(QUICK)])
    shapes = [shape for shape, _ in batched_fit.PROGRAMS.programs().items()][:1]
    cache = ProgramCache(kept=2)
    one, two, three = (replace(shapes[0], candidates=count) for count in (2, 3, 5))
    first = cache.program(one)
    cache.program(two)
    assert cache.program(one) is first
    cache.program(three)
    assert list(cache.programs()) == [one, three]
    assert cache.made == 3


def test_jobs_of_different_shapes_are_refused() -> None:
    with pytest.raises(FitJobError, match="genome"):
        fit_batch([DATA.job(QUICK), DATA.job(SHAPES["odd"])])
    with pytest.raises(FitJobError, match="sites"):
        fit_batch([DATA.job(QUICK), movements(sites=("waist",)).job(QUICK)])


def test_no_jobs_are_no_results() -> None:
    assert fit_batch([]) == []


def test_input_noise_changes_a_fit_alone_and_is_the_same_noise_every_time() -> None:
    quiet = movements().job(QUICK)
    noisy = movements().job(msgspec.structs.replace(QUICK, input_noise=0.5))
    alone = [fit_batch([job])[0] for job in (quiet, noisy)]
    together = fit_batch([quiet, noisy])
    assert same_bits(together[0], alone[0])
    assert same_bits(together[1], alone[1])
    assert not same_bits(alone[0], alone[1])
