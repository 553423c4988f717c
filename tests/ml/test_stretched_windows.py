"""Windows at another tempo: what they hold, how far they reach, and what decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.device.resampling import resample
from kinelog.ml.examples import SetExample
from kinelog.ml.stretched_windows import drawn_tempos, stretched
from kinelog.ml.windows import FIRST_SECOND, Placement, windows_of
from numpy.typing import NDArray

from tests.ml.made_examples import Floor, made_dataset

ROWS, START = 400, 200
RAMP = np.stack([20 * np.arange(ROWS), np.arange(ROWS)], axis=1).astype(np.int16)
"""Its first column says where a row lies, in twentieths of a row."""


def ramp(tempo: float, end: int, start: int = START) -> NDArray[np.float64]:
    """The rows that one window is taken from."""
    window = stretched(RAMP, np.array([end]), np.array([tempo]), start)[0]
    return np.asarray(window[:, 0] / 20)


def made_set(rows: slice = slice(None)) -> SetExample:
    """A set with four seconds before it, of which some rows are kept."""
    whole = next(one for one in made_dataset(Floor(people=1, sessions=1, exercises=1, sets=1)).examples if one.label)
    first = rows.start or 0
    samples = whole.samples[rows]
    return replace(
        whole, samples=samples, start_row=whole.start_row - first, end_row=min(whole.end_row - first, len(samples))
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(50, ROWS))
def test_at_the_recorded_tempo_a_window_is_the_recorded_one(end: int) -> None:
    assert np.array_equal(stretched(RAMP, np.array([end]), np.ones(1), START)[0], RAMP[end - 50 : end])


@pytest.mark.parametrize("tempo", [0.8, 1.2])
def test_time_is_stretched_about_the_labelled_start(tempo: float) -> None:
    assert ramp(tempo, START + 50)[0] == START  # the first second begins with the set at every tempo
    assert ramp(tempo, START - 50)[0] == START - 100 * tempo
    assert ramp(tempo, START + 100)[-1] == pytest.approx(START + 99 * tempo, abs=0.05)


@settings(max_examples=50, deadline=None)
@given(st.integers(50, ROWS), st.floats(0.5, 1.5), st.integers(0, ROWS - 1))
def test_a_window_never_leaves_the_samples_and_its_rows_stay_even(end: int, tempo: float, start: int) -> None:
    rows = ramp(tempo, end, start)
    assert rows[0] >= 0
    assert rows[-1] <= ROWS - 1
    steps = np.diff(rows)
    assert steps.max() - steps.min() <= 0.1 + 1e-9  # each place was rounded to a twentieth
    assert steps.mean() <= max(tempo, 1.0) + 0.01


@pytest.mark.parametrize(("end", "start", "outermost"), [(60, 100, (0, 0)), (ROWS - 10, 300, (-1, ROWS - 1))])
def test_a_tempo_for_which_samples_do_not_reach_becomes_the_nearest_for_which_they_do(
    end: int, start: int, outermost: tuple[int, int]
) -> None:
    at, row = outermost
    assert ramp(1.5, end, start)[at] == row
    assert 1 < np.diff(ramp(1.5, end, start)).mean() < 1.5


def test_a_window_is_what_the_resampler_makes_of_samples_that_came_sooner() -> None:
    samples = np.random.default_rng(3).integers(-2000, 2000, (ROWS, 6)).astype(np.int16)
    tempo = 1.25
    times = np.arange(ROWS, dtype=np.float64) * 20.0 / tempo
    sooner = resample(samples, times, start_ms=START * 20.0 / tempo).samples
    assert np.array_equal(stretched(samples, np.array([START + 50]), np.array([tempo]), START)[0], sooner[:50])


def test_tempos_lie_within_the_share_as_many_below_one_as_above() -> None:
    tempos = drawn_tempos(4000, 0.25, np.random.default_rng(1))
    assert tempos.min() >= 1 / 1.25
    assert tempos.max() <= 1.25
    assert abs((tempos < 1).mean() - 0.5) < 0.05


def test_who_stretches_time_shifts_windows_as_who_does_not() -> None:
    plain = windows_of([made_set()], Placement(0, jitter_ms=500, draws=12), seed=7)
    other = windows_of([made_set()], Placement(0, jitter_ms=500, draws=12, stretch=0.2), seed=7)
    assert np.array_equal(plain.end_row, other.end_row)
    assert (plain.windows != other.windows).any(axis=(1, 2)).sum() >= 11


def test_time_is_stretched_where_windows_are_not_shifted_too() -> None:
    made = windows_of([made_set()], replace(FIRST_SECOND, draws=6, stretch=0.2))
    assert len(np.unique(made.windows, axis=0)) == 6


def test_another_seed_stretches_otherwise() -> None:
    placement = replace(FIRST_SECOND, stretch=0.2)
    one, other = (windows_of([made_set()], placement, seed).windows for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_a_recording_that_holds_nothing_but_the_window_has_it_as_it_is_or_slower() -> None:
    first = made_set().start_row
    barely = made_set(slice(first, first + 50))
    made = windows_of([barely], replace(FIRST_SECOND, draws=8, stretch=0.2))
    assert made.left_out == 0
    as_it_is = (made.windows == barely.samples).all(axis=(1, 2))
    assert as_it_is.any()
    assert not as_it_is.all()


def test_a_stretch_of_nothing_has_no_start_and_keeps_its_tempo() -> None:
    nothing = replace(made_set(), label=None, fine=None)
    for example, anywhere in ((nothing, False), (made_set(), True)):
        placement = Placement(draws=5, anywhere=anywhere)
        plain, other = (windows_of([example], replace(placement, stretch=stretch)) for stretch in (0.0, 0.2))
        assert np.array_equal(plain.windows, other.windows)


def test_sensors_of_a_window_share_its_tempo() -> None:
    both = made_dataset(Floor(people=1, sessions=1, exercises=1, sets=1, sites=("left-wrist", "chest"))).examples
    sets = [example for example in both if example.label is not None]
    placement = Placement(0, jitter_ms=250, draws=6, stretch=0.2)
    chest = windows_of(sets, placement, sites=("chest",))
    assert np.array_equal(chest.windows, windows_of(sets, placement).windows[:, :, 3:])
