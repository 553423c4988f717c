"""Which labels are one exercise under several spellings, and which are not."""

import pytest
from kinelog.ml.label_names import Vocabulary, spelt


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BicepCurl", "biceps-curl"),
        ("BicepCurl", "arms/biceps_curl"),
        ("Pullups", "pull-up"),
        ("PULLUPS", "Pull Ups"),
        ("TricepExt", "triceps-extension"),
        ("LateralRaise", "lateral-raise"),
        ("LatPull", "lat-pulldown"),
        ("ShoulderPress", "overhead press"),
        ("DBPress", "dumbbell-press"),
        ("ohp", "OverheadPress"),
        ("dead", "Deadlifts"),
    ],
)
def test_spellings_and_synonyms_of_one_exercise_are_one_name(one: str, other: str) -> None:
    assert spelt(one) == spelt(other) != ""


@pytest.mark.parametrize(("one", "other"), [("ChestPress", "ShoulderPress"), ("Squat", "SplitSquat"), ("Abs", "Ab2")])
def test_other_exercises_keep_other_names(one: str, other: str) -> None:
    assert spelt(one) != spelt(other)


def test_a_vocabulary_prefers_the_exact_name_and_takes_the_finer_one_where_the_coarse_means_nothing() -> None:
    words = Vocabulary(("biceps-curl", "BicepCurl", "Squat"))
    assert words.number_of("BicepCurl") == 1
    assert words.number_of("Biceps Curls") == 0
    assert words.number_of("legs", "squats") == 2
    assert words.number_of(None, "squat") == 2


@pytest.mark.parametrize("label", ["", "???", "深蹲", "Deadlift", "/"])
def test_a_label_that_means_nothing_maps_to_none(label: str) -> None:
    assert Vocabulary(("Squat", "???")).number_of(label) in {None, 1 if label == "???" else None}
    assert Vocabulary(("Squat",)).number_of(label) is None
