"""A night never holds more of people's samples than one person's, and while the next is read the one's before."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kinelog.ml import night_data
from kinelog.ml.example_files import read_examples
from kinelog.ml.examples import SetExample
from kinelog.ml.night import Surroundings, run_night
from kinelog.ml.night_data import FOLDER, NightDataError, Offered, offered_of
from kinelog.ml.parquet import PersonFile, person_files
from kinelog.ml.run_book import NightSettings, records_of
from kinelog.registry.sqlite_model_store import SqliteModelStore
from numpy.typing import NDArray

from tests.ml.made_examples import Floor
from tests.ml.night.quick_night import KEY, KeptLog, made
from tests.ml.night.quick_work import QuickEngine

FLOOR = Floor(people=8, sessions=2, exercises=3, sets=1, negatives=1, set_s=2.0)
OF_A_PERSON = 8


class Living:
    """Counts samples that somebody still holds."""

    def __init__(self) -> None:
        self._seen: list[weakref.ref[NDArray[np.int16]]] = []
        self.most = 0

    def saw(self, examples: Sequence[SetExample]) -> None:
        self._seen += [weakref.ref(one.samples) for one in examples]
        self.most = max(self.most, self.now())

    def now(self) -> int:
        return sum(samples() is not None for samples in self._seen)


def copied(living: Living) -> Iterator[PersonFile]:
    """Everybody, with samples of their own that nobody else holds."""
    for one in offered_of(made(FLOOR)).people:
        examples = [replace(example, samples=example.samples.copy()) for example in one.examples]
        living.saw(examples)
        yield PersonFile(one.person, one.cluster, examples)


def night(folder: Path, people: Iterator[PersonFile], log: KeptLog) -> SqliteModelStore:
    store = SqliteModelStore(folder / "models.sqlite")
    around = Surroundings(store, KEY, QuickEngine(), folder / "work", log, "test", 0.0)
    run_night(around, NightSettings("gym", 6, 3, 1), lambda: Offered(people, {}, "made"))
    return store


def test_no_more_than_two_people_s_samples_are_held_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered, read = Living(), Living()

    def counted(path: Path) -> list[SetExample]:
        found = read_examples(path)
        read.saw(found)
        return found

    monkeypatch.setattr(night_data, "read_examples", counted)
    at_select: list[int] = []

    def looked(event: str) -> None:
        if event == "select":
            gc.collect()
            at_select.append(offered.now() + read.now())

    store = night(tmp_path, copied(offered), KeptLog(on_event=looked))
    assert len(store.publications()) == 1
    assert OF_A_PERSON <= offered.most <= 2 * OF_A_PERSON
    assert OF_A_PERSON <= read.most <= 2 * OF_A_PERSON
    assert at_select == [0]


def test_samples_on_disk_are_gone_before_the_first_fit_but_those_of_the_arrays(tmp_path: Path) -> None:
    arrays = tmp_path / "work" / "arrays" / "gym"
    seen: dict[str, bool] = {}

    def looked(event: str) -> None:
        if event in {"night", "select"}:
            seen[event] = (arrays / FOLDER).exists()

    night(tmp_path, copied(Living()), KeptLog(on_event=looked))
    assert seen == {"night": True, "select": False}


def test_somebody_whose_file_goes_meanwhile_ends_the_night_in_words_and_the_next_one_works(tmp_path: Path) -> None:
    arrays = tmp_path / "work" / "arrays" / "gym"

    def leave(event: str) -> None:
        if event == "night":
            person_files(arrays / FOLDER)[0].unlink()

    with pytest.raises(NightDataError, match="run again"):
        night(tmp_path, copied(Living()), KeptLog(on_event=leave))
    assert not arrays.exists()
    store = night(tmp_path, copied(Living()), KeptLog())
    assert [record.state for record in records_of(store)] == ["done", "failed"]


def test_a_file_that_is_not_what_was_written_is_noticed(tmp_path: Path) -> None:
    arrays = tmp_path / "work" / "arrays" / "gym"

    def change(event: str) -> None:
        if event == "night":
            one, other, *_ = person_files(arrays / FOLDER)
            one.write_bytes(other.read_bytes())

    with pytest.raises(NightDataError, match="not what was written"):
        night(tmp_path, copied(Living()), KeptLog(on_event=change))


def test_a_data_set_that_is_purged_while_it_is_written_ends_the_night_in_words(tmp_path: Path) -> None:
    from kinelog.ml.purge import purge

    arrays = tmp_path / "work" / "arrays" / "gym"

    def people() -> Iterator[PersonFile]:
        for number, one in enumerate(copied(Living())):
            if number == 2:
                purge(tmp_path / "datasets", set(), arrays=arrays, tenant="gym")
            yield one

    with pytest.raises(NightDataError, match="run again"):
        night(tmp_path, people(), KeptLog())
