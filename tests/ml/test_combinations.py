"""Which combinations of sensors get models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from kinelog.device.sites import SITES
from kinelog.ml import combinations
from kinelog.ml.combinations import worn
from kinelog.ml.examples import SetExample

WRIST, WAIST, CHEST = "left-wrist", "waist", "chest"


def sets(count: int, *sites: str, start: int = 0) -> list[SetExample]:
    made = SetExample(
        key="",
        person="p",
        session="s",
        number=0,
        label="squat",
        fine="squat",
        sites=sites,
        samples=np.zeros((100, 3 * len(sites)), np.int16),
        start_row=50,
        end_row=100,
        source_rate_hz=50.0,
    )
    return [
        replace(made, key=f"{sites}{number}", session=f"s{number % 8}", number=number)
        for number in range(start, start + count)
    ]


def fitted(examples: list[SetExample]) -> list[tuple[str, ...]]:
    return [one.sensors for one in worn(examples) if one.left_out is None]


def test_what_people_wear_is_fitted_and_a_mere_subset_only_with_many_sets() -> None:
    assert fitted(sets(100, WRIST, WAIST)) == [(WRIST, WAIST)]
    assert fitted(sets(200, WRIST, WAIST)) == [(WRIST, WAIST), (WRIST,)]
    assert fitted(sets(400, WRIST, WAIST)) == [(WRIST, WAIST), (WRIST,), (WAIST,)]


def test_a_set_with_more_sensors_counts_for_every_combination_in_it() -> None:
    counts = {one.sensors: one.examples for one in worn([*sets(30, WRIST, WAIST), *sets(50, WRIST)])}
    assert counts == {(WRIST,): 80, (WRIST, WAIST): 30, (WAIST,): 30}


def test_too_little_data_is_left_out_with_the_reason() -> None:
    few = {one.sensors: one.left_out for one in worn([*sets(60, WRIST), *sets(5, CHEST)])}
    assert few[WRIST,] is None
    assert few[CHEST,] == "5 labelled sets are fewer than 24"


def test_seven_sites_do_not_make_127_models() -> None:
    examples = sets(100_000 // 50, *SITES[:7])
    assert len(worn(examples)) == 127
    assert len(fitted(examples)) <= combinations.COMBINATIONS_AT_MOST
    assert fitted(examples)[0] == SITES[:7]


def test_negatives_are_no_data_of_a_combination() -> None:
    silent = [replace(one, label=None, fine=None) for one in sets(100, WRIST)]
    assert worn(silent) == ()
