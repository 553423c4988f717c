"""Whatever a night reads may be damaged: a result is computed again, what nobody can compute again ends it in words."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from pathlib import Path

import msgspec
import pytest
from kinelog.ml import night_promotion
from kinelog.ml.engines.port import Finished
from kinelog.ml.kept_state import DamagedStateError
from kinelog.ml.night_work import NightWork, ResultMissingError
from kinelog.ml.run_book import records_of
from kinelog.ml.tasks import BaselineTask, Common, Place, TaskReport, baseline_key
from kinelog.registry.scope import Scope
from kinelog.registry.sqlite_model_store import SqliteModelStore
from typing_extensions import override

from tests.ml.night.quick_night import KeptLog, quick_night
from tests.ml.night.quick_work import QuickEngine
from tests.ml.night.test_killed_night import WRIST, outcome
from tests.registry.damage import flipped

PIECES = {
    "the population of gym/all/left-wrist": WRIST,
    "the confirmation set of gym": Scope("gym", "confirmation-by-session", ("any",)),
    "the table of clusters of gym": Scope("gym", "cluster-table", ("any",)),
}


def damage(results: Path) -> int:
    """Change one byte of every result; how many there were."""
    files = [path for path in results.glob("*/*") if path.is_file()]
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(flipped(whole, len(whole) // 2, 0x10))
    return len(files)


@pytest.fixture(scope="module")
def a_night_later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store and a folder of results after one night."""
    folder = tmp_path_factory.mktemp("later")
    with pytest.MonkeyPatch.context() as patch, SqliteModelStore(folder / "models.sqlite") as store:
        patch.setattr(night_promotion, "BASELINES", ("gravity",))
        quick_night(store, folder / "work", candidates=10)
    return folder


@pytest.fixture
def later(a_night_later: Path, tmp_path: Path) -> Path:
    """A copy of that."""
    return Path(shutil.copytree(a_night_later, tmp_path / "later"))


def test_results_that_are_damaged_between_any_two_phases_are_told_of_and_computed_again(
    a_night_later: Path, tmp_path: Path
) -> None:
    store, work = SqliteModelStore(tmp_path / "models.sqlite"), tmp_path / "work"
    reached: list[str] = []

    def between(phase: str) -> None:
        if phase in {"refit", "baselines", "confirm", "refit-whole", "publish"} and damage(work / "results"):
            reached.append(phase)

    log = KeptLog(on_event=between)
    assert quick_night(store, work, log=log, candidates=10).state == "done"
    with SqliteModelStore(a_night_later / "models.sqlite") as calm:
        assert outcome(store) == outcome(calm)
    assert set(reached) >= {"refit", "baselines", "confirm"}
    assert sum(name == "result-damaged" for name, _ in log.events) > len(reached), "each is told of"


def test_a_result_that_was_damaged_before_the_night_is_not_taken_for_done(tmp_path: Path) -> None:
    task = BaselineTask(Common("0" * 64, 1, "code"), Place("", str(tmp_path)), "gravity", "0" * 64)
    key, log = baseline_key(task), KeptLog()
    work = NightWork.of(QuickEngine(), tmp_path, log)
    work.cache.write(key, b"probabilities")
    assert work.missing({key: task}) == []
    damage(tmp_path)
    assert work.missing({key: task}) == [key]
    assert log.events == [("result-damaged", {"result": key})]


class Elsewhere(QuickEngine):
    """Workers that do not share the folder of results."""

    @override
    def map(self, tasks: Sequence[bytes]) -> Generator[Finished]:
        for index, _ in enumerate(tasks):
            self.tasks += 1
            yield Finished(index, msgspec.json.encode(TaskReport(0, 0.0)), 0.001, 1)


def test_a_result_that_workers_put_elsewhere_is_asked_for_once_more_and_then_said_to_be_missing(tmp_path: Path) -> None:
    engine = Elsewhere()
    work = NightWork.of(engine, tmp_path, KeptLog())
    task = BaselineTask(Common("0" * 64, 1, "code"), Place("", str(tmp_path)), "gravity", "0" * 64)
    assert work.missing({baseline_key(task): task}) == [baseline_key(task)]
    with pytest.raises(ResultMissingError, match="share this folder"):
        work.result(baseline_key(task))
    assert engine.tasks == 1


def test_what_cannot_be_computed_again_ends_the_night_with_its_name_and_what_to_do(later: Path) -> None:
    store = SqliteModelStore(later / "models.sqlite")
    for name, place in PIECES.items():
        whole = store.population(place)
        assert whole is not None
        damaged = flipped(whole, len(whole) // 2, 1)
        store.save_population(place, damaged)
        with pytest.raises(DamagedStateError, match=f"models.sqlite: {name}: .*backup"):
            quick_night(store, later / "work", candidates=10)
        assert store.population(place) == damaged, "what could still be rescued by hand is left alone"
        record = records_of(store)[0]
        assert (record.state, name in str(record.failure)) == ("failed", True)
        store.save_population(place, whole)
    assert quick_night(store, later / "work", candidates=10).state == "done"


def test_a_record_that_is_damaged_is_told_of_and_the_night_begins_anew(later: Path) -> None:
    store = SqliteModelStore(later / "models.sqlite")
    (record,) = records_of(store)
    whole = store.run(record.run)
    assert whole is not None
    store.save_run(record.run, flipped(whole, len(whole) // 2, 1))
    store.save_run("20260101-000000-000-another", b"?")
    log = KeptLog()
    assert quick_night(store, later / "work", log=log, candidates=10).previous_run is None
    (told,) = [fields for name, fields in log.events if name == "unreadable-records"]
    assert (told["records"], told["newest"]) == (1, record.run)
