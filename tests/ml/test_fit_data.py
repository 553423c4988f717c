"""A scope's arrays are what was put in, under the hash of it, and nothing else is ever taken for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kinelog.ml.fit_data import FitData, FitDataError, load
from kinelog.ml.genome import Genome
from kinelog.ml.scope_windows import JUDGED_ENDS_MS, asked_windows, judged_blocks, judged_windows, training_windows
from kinelog.ml.windows import Placement, windows_of

from tests.ml.laid_arrays import laid_arrays
from tests.ml.made_examples import Floor, made_dataset

BOTH = ("left-wrist", "waist")
FLOOR = Floor(people=2, sessions=2, exercises=2, sets=1, negatives=1, set_s=2.0)


def made(folder: Path, sites: tuple[str, ...] = BOTH, *, reverse: bool = False) -> FitData:
    """One person wears both sensors, the other the wrist only."""
    both = made_dataset(replace(FLOOR, sites=BOTH)).examples
    wrist = made_dataset(FLOOR).examples
    examples = [one if one.person == "person-0" else other for one, other in zip(both, wrist, strict=True)]
    if reverse:
        examples.reverse()
    folds = [example.number % 2 for example in examples]
    return laid_arrays(folder, examples, folds, sites, made_dataset(FLOOR).labels)


def test_what_is_loaded_is_what_was_laid_down(tmp_path: Path) -> None:
    data = made(tmp_path)
    again = load(tmp_path, data.sha256)
    assert again.names == data.names
    for name in ("samples", "offsets", "start_rows", "end_rows", "labels", "fine", "present", "folds"):
        assert np.array_equal(getattr(again, name), getattr(data, name))


def test_the_order_of_examples_changes_nothing(tmp_path: Path) -> None:
    assert made(tmp_path / "a").sha256 == made(tmp_path / "b", reverse=True).sha256


def test_a_byte_that_changed_is_noticed(tmp_path: Path) -> None:
    data = made(tmp_path)
    file = tmp_path / data.sha256 / "samples.npy"
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(FitDataError, match="another hash"):
        load(tmp_path, data.sha256)


def test_a_folder_that_workers_do_not_see_is_named(tmp_path: Path) -> None:
    with pytest.raises(FitDataError, match=str(tmp_path)):
        load(tmp_path, "0" * 64)


def test_negatives_and_labels_that_are_not_asked_for_are_left_out(tmp_path: Path) -> None:
    data = made(tmp_path)
    assert len(data) == 2 * 2 * 2
    assert set(np.unique(data.labels)) == {0, 1}


def test_a_sensor_that_was_not_worn_is_zeros_and_said(tmp_path: Path) -> None:
    data = made(tmp_path)
    assert set(data.present.tolist()) == {0b11, 0b01}
    alone = int(np.flatnonzero(data.present == 0b01)[0])
    samples = data.examples()[alone].samples
    assert samples[:, :3].any()
    assert not samples[:, 3:].any()
    assert data.complete.sum() == 4


def test_fine_labels_of_one_name_stay_apart_by_their_exercise(tmp_path: Path) -> None:
    names = made(tmp_path).names
    assert all(fine.startswith(names.labels[group]) for fine, group in zip(names.fine, names.groups, strict=True))
    assert sorted(set(names.groups)) == list(range(len(names.labels)))


def test_every_example_is_judged_by_the_same_windows(tmp_path: Path) -> None:
    data = made(tmp_path)
    judged = judged_windows(data)
    assert judged.windows.shape == (len(judged.rows.example_of), 50, 6)
    for example in range(len(data)):
        ends = judged.rows.ends_ms[judged.rows.example_of == example]
        assert sorted(ends.tolist()) == sorted(JUDGED_ENDS_MS)


def test_the_windows_to_judge_by_are_those_that_are_cut_one_by_one_also_in_blocks(tmp_path: Path) -> None:
    some = []
    for place, one in enumerate(one for one in made_dataset(FLOOR).examples if one.label is not None):
        gone = 15 * place
        shorter = replace(one, samples=one.samples[gone:], start_row=one.start_row - gone, end_row=one.end_row - gone)
        some.append(shorter)
    data = laid_arrays(tmp_path, some, [0] * len(some), BOTH[:1], made_dataset(FLOOR).labels)
    cut = [windows_of(data.examples(), Placement(end)) for end in JUDGED_ENDS_MS]
    assert any(one.left_out for one in cut)
    judged = judged_windows(data)
    assert np.array_equal(judged.windows, np.concatenate([one.windows for one in cut]))
    assert np.array_equal(judged.rows.example_of, np.concatenate([one.example for one in cut]))
    assert np.array_equal(judged.rows.ends_ms, np.repeat(JUDGED_ENDS_MS, [len(one.example) for one in cut]))
    blocks = list(judged_blocks(data, 5))
    assert {len(block) for block in blocks[:-1]} == {5}
    assert np.array_equal(np.concatenate(blocks), judged.windows)


def test_what_chooses_are_the_judged_windows_and_the_same_ones_from_other_sensors(tmp_path: Path) -> None:
    data = made(tmp_path)
    judged, asked = judged_windows(data), asked_windows(data)
    count = len(judged.windows)
    assert not judged.rows.changed.any()
    assert asked.rows.changed.tolist() == [False] * count + [True] * count
    assert np.array_equal(asked.windows[:count], judged.windows)
    for name in ("example_of", "ends_ms"):
        assert np.array_equal(getattr(asked.rows, name), np.tile(getattr(judged.rows, name), 2))
    changed = asked.windows[count:]
    worn = judged.windows.any(axis=(1, 2))
    assert (changed[worn] != judged.windows[worn]).any(axis=(1, 2)).all()
    assert np.array_equal(changed, asked_windows(data).windows[count:])


def test_training_windows_of_an_example_do_not_depend_on_the_others(tmp_path: Path) -> None:
    genome = Genome(ends_ms=(0, 1000), jitter_ms=500, seed=4)
    data = made(tmp_path)
    kept = [one for one in made_dataset(replace(FLOOR, sites=BOTH)).examples if one.person == "person-0"]
    few = laid_arrays(tmp_path / "few", kept, [0] * len(kept), BOTH, data.names.labels)
    many, alone = training_windows(data, genome), training_windows(few, genome)
    for place, key in enumerate(few.names.keys):
        other = data.names.keys.index(key)
        assert np.array_equal(
            many.windows[many.rows.example_of == other], alone.windows[alone.rows.example_of == place]
        )
