"""Examples and data sets: what is refused, and what the hash speaks of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kinelog.ml.examples import Dataset, ExampleError, SetExample, dataset_of

from tests.ml.made_examples import Floor, made_dataset


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return made_dataset()


def test_the_hash_does_not_depend_on_the_order_of_examples(dataset: Dataset) -> None:
    assert dataset_of(reversed(dataset.examples)).sha256 == dataset.sha256


def test_making_the_same_people_again_gives_the_same_hash_and_another_seed_another(dataset: Dataset) -> None:
    assert made_dataset().sha256 == dataset.sha256
    assert made_dataset(Floor(seed=1)).sha256 != dataset.sha256


def changed(example: SetExample, field: str) -> SetExample:
    if field == "samples":
        samples = example.samples.copy()
        samples[-1, -1] += 1
        return replace(example, samples=samples)
    values: dict[str, object] = {
        "person": "other", "session": "other", "number": 99, "label": "other", "fine": "other", "sites": ("waist",),
        "start_row": example.start_row + 1, "end_row": example.end_row - 1, "source_rate_hz": 20.0, "age_group": None,
        "sex": "other", "proficiency": None, "key": "zzz",
    }  # fmt: skip
    return replace(example, **{field: values[field]})  # type: ignore[arg-type]  # one value of the right type a field


@pytest.mark.parametrize("field", SetExample.__slots__)
def test_every_field_of_an_example_is_part_of_the_hash(dataset: Dataset, field: str) -> None:
    first, *others = dataset.examples
    assert dataset_of([changed(first, field), *others]).sha256 != dataset.sha256


def test_two_examples_with_one_key_are_refused(dataset: Dataset) -> None:
    with pytest.raises(ExampleError) as refused:
        dataset_of([dataset.examples[0], dataset.examples[0]])
    assert refused.value.field == "key"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("samples", {"samples": np.zeros((100, 4), np.int16)}),
        ("samples", {"samples": np.zeros((100, 3), np.float64)}),
        ("start_row", {"start_row": 10, "end_row": 10}),
        ("start_row", {"end_row": 100_000}),
        ("sites", {"sites": ()}),
        ("fine", {"fine": None}),
    ],
)
def test_what_does_not_fit_together_is_refused_by_its_field(
    dataset: Dataset, field: str, wrong: dict[str, object]
) -> None:
    with pytest.raises(ExampleError) as refused:
        replace(dataset.examples[0], **wrong)  # type: ignore[arg-type]  # wrong on purpose
    assert refused.value.field == field


def test_made_sets_hold_what_came_before_them(dataset: Dataset) -> None:
    sets = [example for example in dataset.examples if example.label is not None]
    assert {example.start_row for example in sets} == {200}
    assert len(sets) == 4 * 3 * 5 * 2
    assert len(dataset.labels) == 5
