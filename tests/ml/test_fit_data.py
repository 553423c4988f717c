"""A scope's arrays are what was put in, under the hash of it, and nothing else is ever taken for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kinelog.ml.fit_data import FitData, FitDataError, fit_data_of, load, store
from kinelog.ml.genome import Genome
from kinelog.ml.scope_windows import JUDGED_ENDS_MS, asked_windows, judged_windows, training_windows

from tests.ml.made_examples import Floor, made_dataset

BOTH = ("left-wrist", "waist")
FLOOR = Floor(people=2, sessions=2, exercises=2, sets=1, negatives=1, set_s=2.0)


def made(sites: tuple[str, ...] = BOTH, *, reverse: bool = False) -> FitData:
    """One person wears both sensors, the other the wrist only."""
    both = made_dataset(replace(FLOOR, sites=BOTH)).examples
    wrist = made_dataset(FLOOR).examples
    examples = [one if one.person == "person-0" else other for one, other in zip(both, wrist, strict=True)]
    folds = np.array([example.number % 2 for example in examples], np.int64)
    labels = made_dataset(FLOOR).labels
    if reverse:
        return fit_data_of(examples[::-1], folds[::-1], sites, labels)
    return fit_data_of(examples, folds, sites, labels)


def test_what_is_loaded_is_what_was_stored(tmp_path: Path) -> None:
    data = made()
    store(data, tmp_path)
    again = load(tmp_path, data.sha256)
    assert again.names == data.names
    for name in ("samples", "offsets", "start_rows", "end_rows", "labels", "fine", "present", "folds"):
        assert np.array_equal(getattr(again, name), getattr(data, name))


def test_the_order_of_examples_changes_nothing() -> None:
    assert made().sha256 == made(reverse=True).sha256


def test_a_byte_that_changed_is_noticed(tmp_path: Path) -> None:
    data = made()
    file = store(data, tmp_path) / "samples.npy"
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(FitDataError, match="another hash"):
        load(tmp_path, data.sha256)


def test_a_folder_that_workers_do_not_see_is_named(tmp_path: Path) -> None:
    with pytest.raises(FitDataError, match=str(tmp_path)):
        load(tmp_path, "0" * 64)


def test_negatives_and_labels_that_are_not_asked_for_are_left_out() -> None:
    data = made()
    assert len(data) == 2 * 2 * 2
    assert set(np.unique(data.labels)) == {0, 1}


def test_a_sensor_that_was_not_worn_is_zeros_and_said() -> None:
    data = made()
    assert set(data.present.tolist()) == {0b11, 0b01}
    alone = int(np.flatnonzero(data.present == 0b01)[0])
    samples = data.examples()[alone].samples
    assert samples[:, :3].any()
    assert not samples[:, 3:].any()
    assert data.complete.sum() == 4


def test_fine_labels_of_one_name_stay_apart_by_their_exercise() -> None:
    names = made().names
    assert all(fine.startswith(names.labels[group]) for fine, group in zip(names.fine, names.groups, strict=True))
    assert sorted(set(names.groups)) == list(range(len(names.labels)))


def test_every_example_is_judged_by_the_same_windows() -> None:
    data = made()
    judged = judged_windows(data)
    assert judged.windows.shape == (len(judged.rows.example_of), 50, 6)
    for example in range(len(data)):
        ends = judged.rows.ends_ms[judged.rows.example_of == example]
        assert sorted(ends.tolist()) == sorted(JUDGED_ENDS_MS)


def test_what_chooses_are_the_judged_windows_and_the_same_ones_from_other_sensors() -> None:
    data = made()
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


def test_training_windows_of_an_example_do_not_depend_on_the_others() -> None:
    genome = Genome(ends_ms=(0, 1000), jitter_ms=500, seed=4)
    data = made()
    kept = [one for one in made_dataset(replace(FLOOR, sites=BOTH)).examples if one.person == "person-0"]
    few = fit_data_of(kept, np.zeros(len(kept), np.int64), BOTH, data.names.labels)
    many, alone = training_windows(data, genome), training_windows(few, genome)
    for place, key in enumerate(few.names.keys):
        other = data.names.keys.index(key)
        assert np.array_equal(
            many.windows[many.rows.example_of == other], alone.windows[alone.rows.example_of == place]
        )
