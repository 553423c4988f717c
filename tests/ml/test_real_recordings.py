"""Real recordings, where there are any, come out as counted by hand."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from kinelog.ml.examples import Dataset
from kinelog.ml.recordings import Reading, available_recordings, read_recordings
from kinelog.ml.windows import BEFORE_THE_START, FIRST_SECOND, windows_of


@pytest.fixture(scope="module")
def folder() -> Path:
    place = os.environ.get("KINELOG_RECORDINGS")
    if place is None:
        pytest.skip("KINELOG_RECORDINGS names no folder of real recordings")
    return Path(place)


def read(folder: Path, *names: str) -> Dataset:
    if not set(names) <= set(available_recordings(folder)):
        pytest.skip(f"{folder} has no {', '.join(names)}")
    return read_recordings(folder, Reading(names=names))


def test_every_set_of_gymwatch_has_its_first_second_and_nearly_all_the_seconds_before(folder: Path) -> None:
    made = read(folder, "gymwatch")
    sets = [example for example in made.examples if example.label is not None]
    assert (len(sets), made.dropped) == (120, {})
    assert (len(made.labels), len({example.fine for example in sets})) == (9, 20)
    assert windows_of(sets, FIRST_SECOND).left_out == 0
    assert [windows_of(sets, placement).left_out for placement in BEFORE_THE_START] == [3, 3, 3, 3, 4]


def test_muvr_and_the_captures_it_was_made_of_are_never_both_there(folder: Path) -> None:
    alone = read(folder, "muvr")
    assert (len(alone.examples), len(alone.labels)) == (271, 29)
    assert "32 stretched sets" in alone.note
    both = read(folder, "muvr", "recorded")
    assert both.dropped["recorded twice"] > 150
    counts = Counter((example.session, example.number) for example in both.examples if example.session.count("/"))
    sessions = {"core/jan-1", "chest/jan-2", "shoulders/jan-2"}
    assert not [name for name, count in counts.items() if name[0] in sessions and count > 1 and name[1] > 0]


def test_the_others_are_of_several_sites_people_and_rates(folder: Path) -> None:
    assert {len(example.sites) for example in read(folder, "ptx").examples} == {5}
    barbell = read(folder, "barbell")
    assert barbell.labels == ("bench", "dead", "ohp", "row", "squat")
    assert {example.source_rate_hz for example in barbell.examples} == {12.5}
    assert read(folder, "wisdm_watch").labels == ()
