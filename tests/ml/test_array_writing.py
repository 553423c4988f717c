"""Arrays that are filled person by person are those of the whole data set, byte for byte."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from kinelog.ml.array_writing import ArrayWriter
from kinelog.ml.examples import Dataset, SetExample, dataset_of
from kinelog.ml.fit_data import FitDataError, load
from kinelog.ml.night_data import NightData, laid_down, offered_of
from kinelog.ml.windows import columns_of
from numpy.typing import NDArray

from tests.ml.made_examples import Floor, made_dataset

BOTH = ("left-wrist", "waist")
FLOOR = Floor(people=5, sessions=2, exercises=3, sets=1, negatives=1, set_s=2.0, sites=BOTH)
IN_ORDER = ("samples", "offsets", "start_rows", "end_rows", "labels", "fine", "present", "folds")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Every other person wears one sensor only, and no two sets of a person are equally long."""
    examples = []
    for place, one in enumerate(made_dataset(FLOOR).examples):
        short = replace(one, samples=one.samples[: len(one.samples) - place], end_row=one.end_row - place)
        if one.person in {"person-1", "person-3"}:
            short = replace(short, sites=BOTH[:1], samples=short.samples[:, :3])
        examples.append(short)
    return dataset_of(examples)


def folds_of(sets: Sequence[object]) -> list[int]:
    return [place % 3 for place in range(len(sets))]


def writer_of(folder: Path, data: NightData, sites: tuple[str, ...], labels: tuple[str, ...]) -> ArrayWriter:
    return ArrayWriter(folder, data.sets, folds_of(data.sets), sites, labels)


def of_everything(
    examples: Sequence[SetExample], sites: tuple[str, ...], labels: tuple[str, ...]
) -> dict[str, NDArray[np.generic]]:
    """The arrays made of the whole data set at once, as plainly as it can be said."""
    chosen = [
        (one, fold)
        for one, fold in zip(examples, folds_of(examples), strict=True)
        if one.label in labels and set(one.sites) & set(sites)
    ]
    sets = [one for one, _ in chosen]
    fine = sorted({(labels.index(str(one.label)), f"{one.label}/{one.fine}") for one in sets})
    numbers: dict[str, list[int]] = {
        "offsets": [0, *np.cumsum([len(one.samples) for one in sets]).tolist()],
        "start_rows": [one.start_row for one in sets],
        "end_rows": [one.end_row for one in sets],
        "labels": [labels.index(str(one.label)) for one in sets],
        "fine": [fine.index((labels.index(str(one.label)), f"{one.label}/{one.fine}")) for one in sets],
        "present": [sum(2**at for at, site in enumerate(sites) if site in one.sites) for one in sets],
        "folds": [fold for _, fold in chosen],
    }
    samples = np.concatenate([columns_of(one, sites) for one in sets])
    return {"samples": samples, **{name: np.array(values, np.int64) for name, values in numbers.items()}}


@pytest.mark.parametrize("sites", [BOTH, BOTH[:1], BOTH[1:]])
@pytest.mark.parametrize("order", [0, 1])
def test_arrays_filled_person_by_person_are_those_of_the_whole_data_set(
    tmp_path: Path, dataset: Dataset, sites: tuple[str, ...], order: int
) -> None:
    labels = dataset.labels[:2]
    data = laid_down(offered_of(dataset), tmp_path)
    people = list(data.people({one.person for one in data.sets}))
    random.Random(order).shuffle(people)
    writer = writer_of(tmp_path, data, sites, labels)
    for _, examples in people:
        writer.put(examples[::-1])
    made = writer.finish()
    hashed = hashlib.sha256(msgspec.json.encode(made.names))
    for name, array in ((name, of_everything(dataset.examples, sites, labels)[name]) for name in IN_ORDER):
        np.save(tmp_path / "whole.npy", array)
        whole = (tmp_path / "whole.npy").read_bytes()
        assert (tmp_path / made.sha256 / f"{name}.npy").read_bytes() == whole
        hashed.update(f"{name} {len(whole)}\0".encode() + whole)
    assert made.sha256 == hashed.hexdigest()
    assert load(tmp_path, made.sha256).names == made.names


def test_a_set_that_has_not_come_or_is_longer_than_was_said_is_noticed(tmp_path: Path, dataset: Dataset) -> None:
    data = laid_down(offered_of(dataset), tmp_path)
    writer = writer_of(tmp_path, data, BOTH, dataset.labels)
    first, *others = (one for one in dataset.examples if one.label is not None)
    writer.put(others)
    with pytest.raises(FitDataError, match="1 sets"):
        writer.finish()
    with pytest.raises(FitDataError, match="rows"):
        writer.put([replace(first, samples=np.concatenate([first.samples, first.samples]))])


def test_scopes_with_the_same_sets_share_their_arrays(tmp_path: Path, dataset: Dataset) -> None:
    data = laid_down(offered_of(dataset), tmp_path)
    made = []
    for _ in range(2):
        writer = writer_of(tmp_path, data, BOTH, dataset.labels)
        writer.put(dataset.examples)
        made.append(writer.finish().sha256)
    assert made[0] == made[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["examples", made[0]])
