"""Names of exercises: the grammar both ways, its errors with their place, the common exercises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.domain.catalogue import (
    CATALOGUE,
    Exercise,
    ExerciseNameError,
    ExerciseType,
    MuscleGroup,
    WeightProgression,
    parse,
    properties_of,
)

WORDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
EXERCISES = st.builds(
    Exercise,
    st.sampled_from(ExerciseType),
    st.lists(st.sampled_from(MuscleGroup), min_size=1, unique=True).map(tuple),
    WORDS,
    st.none() | WORDS,
)
IMPORTED = {
    "straight-bar-biceps-curl",
    "rope-triceps-extension",
    "rope-biceps-curl",
    "straight-bar-triceps-extension",
    "cable-deltoid-cross-overs",
    "deltoid-row",
    "leverage-high-row",
    "lat-pulldown-straight",
    "lat-pulldown-angled",
    "dumbbell-row",
    "dumbbell-chest-press",
    "dumbbell-chest-fly",
    "angle-chest-press",
    "cable-cross-overs",
    "overhead-pull",
    "side-dips",
    "twist",
    "pulldown-crunch",
    "rowing",
    "dumbbell-press",
    "dumbbell-side-rise",
    "barbell-press",
    "dumbbell-front-rise",
    "dumbbell-biceps-curl",
    "alt-dumbbell-biceps-curl",
    "barbell-biceps-curl",
    "triceps-dips",
}


@given(EXERCISES)
def test_what_is_formatted_parses_to_the_same(exercise: Exercise) -> None:
    assert parse(exercise.format()) == exercise


@given(st.text(alphabet="resitancTgd:,/@-azAZ0 é", max_size=40) | st.text(max_size=300))
def test_any_text_parses_or_names_its_fault(text: str) -> None:
    try:
        assert parse(text).format() == text
    except ExerciseNameError as error:
        assert 0 <= error.position <= len(text)  # noqa: PT017 - both outcomes are right, each with its own proof


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("", "exercise-no-type", 0),
        ("resistanceTargeted", "exercise-no-type", 18),
        ("yoga:arms/x", "exercise-unknown-type", 0),
        ("indoorsCardio:legs", "exercise-no-name", 18),
        ("indoorsCardio:/x", "exercise-unknown-group", 14),
        ("indoorsCardio:legs,nose/x", "exercise-unknown-group", 19),
        ("indoorsCardio:legs,legs/x", "exercise-repeated-group", 19),
        ("indoorsCardio:legs/", "exercise-bad-name", 19),
        ("indoorsCardio:legs/Row", "exercise-bad-name", 19),
        ("indoorsCardio:legs/row@", "exercise-bad-station", 23),
        ("indoorsCardio:legs/row@a@b", "exercise-bad-station", 23),
        ("indoorsCardio:legs/row\n", "exercise-bad-name", 19),
        ("a" * 201, "exercise-too-long", 200),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, code: str, position: int) -> None:
    with pytest.raises(ExerciseNameError) as caught:
        parse(text)
    assert (caught.value.code, caught.value.position) == (code, position)


def test_the_catalogue_holds_what_recordings_name() -> None:
    assert set(CATALOGUE) >= IMPORTED
    assert len(CATALOGUE) >= 40


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_properties_are_possible(name: str) -> None:
    entry = CATALOGUE[name]
    assert 0 < entry.repetition_s <= entry.typical_duration_s
    if entry.weights is not None:
        assert 0 < entry.weights.minimum_kg < entry.weights.maximum_kg
        assert entry.weights.step_kg > 0


def test_properties_are_found_at_any_station() -> None:
    at_station = parse("resistanceTargeted:arms/rope-biceps-curl@cable-2")
    assert properties_of(at_station) is CATALOGUE["rope-biceps-curl"]
    assert properties_of(parse("indoorsCardio:arms/rope-biceps-curl")) is None


def test_weights_round_to_what_the_equipment_has() -> None:
    stack = WeightProgression(7, 7, 140)
    assert [stack.nearest(weight) for weight in (0, 10, 11, 70, 500)] == [7, 7, 14, 70, 140]
