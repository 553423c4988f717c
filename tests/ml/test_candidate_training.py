"""What an epoch draws, and what it never depends on."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from kinelog.ml.candidate_chance import Chance
from kinelog.ml.candidate_training import CandidateTraining
from kinelog.ml.fit_job import FitJob, FitJobError, Targets
from kinelog.ml.genome import Genome
from kinelog.ml.network_inputs import Pools, normalisation

from tests.ml.made_fits import QUICK, movements

DATA = movements()


def test_initial_weights_have_the_spread_of_he_and_glorot_and_no_bias() -> None:
    chance = Chance.of(DATA.job(QUICK))
    he = chance.initial_weights(200, 100, "relu", 0)
    glorot = chance.initial_weights(200, 100, "tanh", 0)
    assert he.shape == (201, 100)
    assert not he[0].any()
    assert he[1:].std() == pytest.approx(np.sqrt(2 / 200), rel=0.03)
    assert glorot[1:].std() == pytest.approx(np.sqrt(2 / 300), rel=0.03)
    assert (chance.initial_weights(200, 100, "relu", 1) != he).any()


def test_folds_of_one_genome_share_what_is_computed_from_the_windows() -> None:
    pools = Pools()
    rotated = msgspec.structs.replace(QUICK, rotation_deg=10.0)
    other = msgspec.structs.replace(rotated, seed=1)
    assert pools.of(DATA.job(rotated)) is pools.of(DATA.job(rotated, fold=1))
    assert pools.of(DATA.job(rotated)) is not pools.of(DATA.job(other))
    plain_other = msgspec.structs.replace(QUICK, seed=1)
    assert pools.of(DATA.job(QUICK)) is pools.of(DATA.job(plain_other))


def test_inputs_are_normalised_by_what_is_trained_on_alone() -> None:
    job = DATA.job(msgspec.structs.replace(QUICK, front_end="both"))
    pool = Pools().of(job)
    half = np.arange(0, 60, 2)
    norm = normalisation(pool, half)
    rows = np.isin(DATA.example_of, half)
    raw = DATA.windows[rows].reshape(-1, 6).astype(float)
    np.testing.assert_allclose(norm.raw_mean, raw.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(norm.raw_scale, 1 / raw.std(axis=0), rtol=1e-6)
    assert (normalisation(pool, np.arange(60)).raw_mean != norm.raw_mean).any()


@pytest.mark.parametrize(
    ("count", "held"), [(60, (15, 15, 15, 15)), (50, (13, 13, 12, 12)), (33, (11, 11, 11)), (9, (9,))]
)
def test_steps_of_an_epoch_hold_as_many_examples_and_each_example_once(count: int, held: tuple[int, ...]) -> None:
    job = DATA.job(QUICK, train=np.arange(count))
    candidate = CandidateTraining.of(job, Pools().of(job))
    draws = candidate.draws(0, drops=False)
    taken = draws.examples >= 0
    assert tuple(taken.sum(axis=1)) == held
    assert sorted(draws.examples[taken]) == list(range(count))
    assert ((draws.rows >= 0) == taken).all()


def test_an_input_that_never_varied_is_not_blown_up() -> None:
    still = np.zeros((4, 50, 3), np.int16)
    still[:, :, 2] = 1000
    targets = Targets(np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1]), np.array([0, 1]), 2)
    job = FitJob(QUICK, still, np.arange(4), targets, np.arange(4), ("waist",))
    norm = normalisation(Pools().of(job), np.arange(4))
    assert norm.feature_scale.max() <= 50
    assert np.isfinite(norm.feature_mean).all()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"windows": DATA.windows.astype(np.int32)}, "windows"),
        ({"windows": DATA.windows[:, :40]}, "windows"),
        ({"sites": ("waist",)}, "windows"),
        ({"train": np.array([], np.int64)}, "train"),
        ({"train": np.array([1, 1])}, "train"),
        ({"train": np.array([99])}, "train"),
    ],
)
def test_jobs_that_cannot_be_trained_are_refused_by_name(change: dict[str, object], field: str) -> None:
    arguments: dict[str, object] = {
        "genome": Genome(),
        "windows": DATA.windows,
        "example_of": DATA.example_of,
        "targets": DATA.targets,
        "train": np.arange(60),
        "sites": DATA.sites,
    }
    with pytest.raises(FitJobError) as refused:
        FitJob(**{**arguments, **change})  # type: ignore[arg-type] # wrong on purpose
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("labels", "fine", "groups", "field"),
    [
        ([0, 2], [0, 1], [0, 1], "labels"),
        ([0, 1], [0, 2], [0, 1], "fine"),
        ([0, 1], [0, 1], [0, 2], "groups"),
        ([0, 1], [1, 1], [0, 1], "fine"),
    ],
)
def test_targets_that_name_nothing_are_refused(
    labels: list[int], fine: list[int], groups: list[int], field: str
) -> None:
    with pytest.raises(FitJobError) as refused:
        Targets(np.array(labels), np.array(fine), np.array(groups), 2)
    assert refused.value.field == field
