"""What a fit may cost: few sets are trained as their genomes say, many are not trained without end."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.ml import training_budget
from kinelog.ml.batched_fit import fit_batch
from kinelog.ml.candidate_training import CandidateTraining
from kinelog.ml.genome import Genome
from kinelog.ml.network_inputs import MOST_COPIES, Pools
from kinelog.ml.recipes import ANY_WINDOW, FIRST_SECOND, FROM_THE_START, RECIPES
from kinelog.ml.scope_windows import WINDOWS, draws_of
from kinelog.ml.set_drawing import MOST_SETS
from kinelog.ml.stacked_training import Control
from kinelog.ml.training_budget import (
    EPOCHS_AT_LEAST,
    EXAMPLES_SEEN,
    WINDOWS_AT_LEAST,
    WINDOWS_LAID_DOWN,
    epochs_run,
    windows_at_most,
)

from tests.ml.made_fits import QUICK, movements

DATA = movements()
GENOMES = st.sampled_from([*RECIPES, Genome(), Genome(ends_ms=(-500, 0, 500), jitter_ms=100)])


@given(st.integers(1, 400), st.integers(1, 1_000_000))
def test_a_fit_sees_no_more_than_its_budget_or_each_example_so_often(wanted: int, examples: int) -> None:
    epochs = epochs_run(wanted, examples)
    assert 1 <= epochs <= wanted
    assert epochs == wanted or epochs >= EPOCHS_AT_LEAST
    assert epochs * examples < max(EXAMPLES_SEEN, EPOCHS_AT_LEAST * examples) + examples
    assert epochs == wanted or epochs * examples >= EXAMPLES_SEEN


@given(st.integers(1, 400), st.integers(1, 1_000_000))
def test_more_examples_never_mean_more_epochs(wanted: int, examples: int) -> None:
    assert epochs_run(wanted, examples + 1) <= epochs_run(wanted, examples)


@given(GENOMES, st.integers(1, 100_000), st.integers(1, 12))
def test_windows_that_are_laid_down_are_within_the_budget_or_eight_of_an_example(
    genome: Genome, examples: int, sites: int
) -> None:
    of_example = draws_of(genome, examples, sites) * len(genome.ends_ms)
    assert of_example >= 1
    fewest = max(WINDOWS_AT_LEAST, len(genome.ends_ms))
    assert of_example * examples * sites <= max(WINDOWS_LAID_DOWN, fewest * examples * sites)


@pytest.mark.parametrize("genome", [ANY_WINDOW, FIRST_SECOND, FROM_THE_START])
@pytest.mark.parametrize("sets", [120, 271])
def test_what_recipes_were_chosen_on_is_trained_as_they_say(genome: Genome, sets: int) -> None:
    assert epochs_run(genome.epochs, sets) == genome.epochs
    assert draws_of(genome, sets, 1) * len(genome.ends_ms) == WINDOWS == MOST_COPIES


def test_a_pool_of_as_many_sets_as_are_taken_still_has_epochs_and_copies_beyond_the_least() -> None:
    assert epochs_run(400, MOST_SETS) > EPOCHS_AT_LEAST
    assert windows_at_most(MOST_SETS, 1) > WINDOWS_AT_LEAST


@pytest.fixture
def eighty_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty examples come up twice where a genome wants four epochs."""
    monkeypatch.setattr(training_budget, "EXAMPLES_SEEN", 80)
    monkeypatch.setattr(training_budget, "EPOCHS_AT_LEAST", 1)


@pytest.mark.usefixtures("eighty_seen")
def test_rates_rise_and_fall_over_the_epochs_that_are_run() -> None:
    job = DATA.job(QUICK)
    asked_two = DATA.job(msgspec.structs.replace(QUICK, epochs=2))
    assert job.epochs() == asked_two.epochs() == 2
    capped, two = (CandidateTraining.of(one, Pools().of(one)) for one in (job, asked_two))
    for epoch in range(2):
        np.testing.assert_array_equal(capped.control(epoch), two.control(epoch))
    decays = [two.control(epoch)[:, Control.RATE].mean() for epoch in range(2)]
    assert decays[0] > decays[1]


@pytest.mark.fit
@pytest.mark.usefixtures("eighty_seen")
def test_a_fit_within_the_budget_and_one_beyond_it_train_together_as_they_do_alone() -> None:
    jobs = [DATA.job(QUICK), DATA.job(QUICK, train=np.arange(20), fold=1)]
    assert [job.epochs() for job in jobs] == [2, 4]
    together = fit_batch(jobs)
    assert [len(result.curve) for result in together] == [2, 4]
    for job, result in zip(jobs, together, strict=True):
        (alone,) = fit_batch([job])
        assert alone.curve.tobytes() == result.curve.tobytes()
        assert [one.weights.tobytes() for one in alone.layers] == [one.weights.tobytes() for one in result.layers]
