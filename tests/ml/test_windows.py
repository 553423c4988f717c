"""Windows lie where they are asked for, and chance depends on the example alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.ml.examples import Dataset
from kinelog.ml.windows import BEFORE_THE_START, FIRST_SECOND, Placement, windows_of

from tests.ml.made_examples import Floor, made_dataset


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return made_dataset(Floor(people=2, sessions=1, exercises=3, sets=1))


@pytest.mark.parametrize("placement", [FIRST_SECOND, *BEFORE_THE_START], ids=lambda placement: str(placement.end_ms))
def test_a_window_ends_where_it_should(dataset: Dataset, placement: Placement) -> None:
    sets = [example for example in dataset.examples if example.label is not None]
    made = windows_of(sets, placement)
    assert made.windows.shape == (len(sets), 50, 3)
    assert made.left_out == 0
    for window, index, end in zip(made.windows, made.example, made.end_row, strict=True):
        example = sets[index]
        assert end == example.start_row + placement.end_ms // 20
        assert np.array_equal(window, example.samples[end - 50 : end])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), jitter=st.integers(1, 50))
def test_chance_depends_on_the_example_and_never_on_the_batch(dataset: Dataset, seed: int, jitter: int) -> None:
    placement = Placement(0, jitter_ms=20 * jitter, draws=3)
    whole = windows_of(dataset.examples, placement, seed)
    for index, example in enumerate(dataset.examples):
        alone = windows_of([example], placement, seed)
        assert np.array_equal(alone.windows, whole.windows[whole.example == index])


def test_shifts_stay_within_what_was_asked_and_differ(dataset: Dataset) -> None:
    sets = [example for example in dataset.examples if example.label is not None]
    made = windows_of(sets, Placement(0, jitter_ms=1000, draws=20))
    shifts = made.end_row - np.array([sets[index].start_row for index in made.example])
    assert np.abs(shifts).max() <= 50
    assert len(np.unique(shifts)) > 20


def test_another_seed_shifts_otherwise(dataset: Dataset) -> None:
    placement = Placement(0, jitter_ms=1000, draws=5)
    one, other = (windows_of(dataset.examples, placement, seed).end_row for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_anywhere_is_within_the_labelled_interval_and_so_are_windows_of_nothing(dataset: Dataset) -> None:
    made = windows_of(dataset.examples, Placement(anywhere=True, draws=10))
    for index, end in zip(made.example, made.end_row, strict=True):
        example = dataset.examples[index]
        assert example.start_row + 50 <= end <= example.end_row
    nothing = [example for example in dataset.examples if example.label is None]
    assert len(windows_of(nothing, Placement(-2000, draws=4)).windows) == 4 * len(nothing)


def test_an_example_whose_samples_do_not_reach_there_is_left_out_and_counted(dataset: Dataset) -> None:
    assert windows_of(dataset.examples, Placement(-3100)).left_out == len(dataset.examples) - 2  # the two of nothing
    assert windows_of([], FIRST_SECOND).windows.shape[0] == 0


def test_sites_are_chosen_by_name_and_absent_ones_are_zeros_with_their_bit_unset() -> None:
    examples = made_dataset(Floor(people=1, sessions=1, exercises=1, sets=1, sites=("left-wrist", "chest"))).examples
    chest = windows_of(examples, FIRST_SECOND, sites=("chest",))
    both = windows_of(examples, FIRST_SECOND)
    assert np.array_equal(chest.windows, both.windows[:, :, 3:])
    assert windows_of(examples, FIRST_SECOND, sites=("waist", "chest")).left_out == len(examples)
    partly = windows_of(examples, FIRST_SECOND, sites=("waist", "chest"), partial=True)
    assert not partly.windows[:, :, :3].any()
    assert np.array_equal(partly.windows[:, :, 3:], chest.windows)
    assert set(partly.present) == {0b10}
    assert windows_of(examples, FIRST_SECOND, sites=("waist",), partial=True).left_out == len(examples)
