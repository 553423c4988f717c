"""Scores of published models on folders of recordings: what is judged, by whom, and what is only counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from kinelog.ml.published_models import published_models
from kinelog.ml.recorded_sets import RecordingError
from kinelog.ml.score_report import ScoreReport, report_text
from kinelog.ml.scoring import score_folder
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.service.cli import main
from kinelog.service.configuration import DataFolder

from tests.ml.made_judges import forearm, publish, write_sets
from tests.ml.made_recordings import write_recording

UP, DOWN = 0.9, -0.9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteModelStore]:
    with SqliteModelStore(DataFolder(tmp_path / "data").models) as opened:
        yield opened


def scored(store: SqliteModelStore, folder: Path, *names: str) -> ScoreReport:
    return score_folder(published_models(store), folder, names)


def test_sets_are_judged_under_other_spellings_and_unknown_labels_are_counted(
    store: SqliteModelStore, tmp_path: Path
) -> None:
    publish(store, ("BicepCurl", "TricepExt"))
    sets = [("biceps-curl", UP), ("Biceps Curls", UP), ("triceps-extension", DOWN), ("juggling", UP), ("juggling", UP)]
    write_sets(tmp_path / "r", "gym", sets)
    report = scored(store, tmp_path / "r")
    assert (report.sets, report.judged, report.unnamed) == (5, 3, {"juggling": 2})
    first = report.windows[0]
    assert (first.window, first.sets, first.accuracy, first.macro_f1) == ("first second", 3, 1.0, 1.0)
    assert {one.label: one.sets for one in first.by_class} == {"BicepCurl": 2, "TricepExt": 1}
    assert [(one.name, one.sets) for one in first.by_person] == [("gym:p1", 3)]


def test_what_is_called_wrongly_counts_against_both_labels(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"))
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("Curl", DOWN), ("Extension", DOWN), ("Extension", DOWN)])
    first = scored(store, tmp_path / "r").windows[0]
    assert first.accuracy == 0.75
    assert {one.label: (one.recall, round(one.f1, 3)) for one in first.by_class} == {
        "Curl": (0.5, 0.667),
        "Extension": (1.0, 0.8),
    }
    assert first.nll is not None
    assert first.nll > 0.5


@pytest.mark.parametrize("rate_hz", [10.0, 12.5, 20.0, 25.0, 50.0, 100.0])
def test_any_rate_is_judged_at_50_hz_and_reported_apart(
    store: SqliteModelStore, tmp_path: Path, rate_hz: float
) -> None:
    publish(store, ("Curl", "Extension"))
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("Extension", DOWN)], rate_hz=rate_hz)
    first = scored(store, tmp_path / "r").windows[0]
    assert first.accuracy == 1.0
    assert [(one.name, one.sets) for one in first.by_rate] == [(f"{round(rate_hz)} Hz", 2)]


def test_the_model_whose_labels_the_recording_uses_is_asked(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"), "one/all/wrist")
    publish(store, ("Squat", "Lunge"), "other/all/wrist")
    write_sets(tmp_path / "r", "arms", [("Curl", UP), ("Extension", DOWN)])
    write_sets(tmp_path / "r", "legs", [("Squat", UP), ("Lunge", DOWN)])
    report = scored(store, tmp_path / "r")
    assert {use.recording: use.scope for use in report.models} == {"arms": "one/all/wrist", "legs": "other/all/wrist"}
    assert report.windows[0].accuracy == 1.0
    assert {part.name for part in report.windows[0].by_recording} == {"arms", "legs"}


def test_people_without_a_profile_are_asked_about_by_the_model_for_all(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Extension", "Curl"), "demo/f/wrist")
    publish(store, ("Curl", "Extension"), "demo/all/wrist")
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("Extension", DOWN)])
    report = scored(store, tmp_path / "r")
    assert [use.scope for use in report.models] == ["demo/all/wrist"]


def test_a_watch_of_an_unknown_wrist_is_asked_about_by_a_model_for_one(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"), "demo/all/left-wrist")
    write_sets(tmp_path / "r", "gym", [("Curl", UP)])
    assert scored(store, tmp_path / "r").windows[0].sets == 1


def test_sensors_without_a_model_are_counted(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"), "demo/all/chest")
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("Extension", DOWN)])
    report = scored(store, tmp_path / "r")
    assert (report.sets, report.judged, report.without_model, report.windows) == (2, 0, 2, ())
    assert "2 sets: no model for their sensors" in report_text(report)


def test_windows_before_a_set_of_which_nothing_was_recorded_are_left_out(
    store: SqliteModelStore, tmp_path: Path
) -> None:
    publish(store, ("Curl", "Extension"))
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("Extension", DOWN)])
    first, *earlier = scored(store, tmp_path / "r").windows
    assert (first.sets, first.left_out) == (2, 0)
    assert {(one.sets, one.left_out, one.accuracy) for one in earlier} == {(0, 2, None)}


def test_a_set_and_the_seconds_before_it_are_judged_at_every_end(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"))
    said = {"session": "s", "exercise": "Curl", "site": "wrist", "rate_hz": 50, "file": "f"}
    rows = [said | {"kind": "active", "t0": 8.0}, said | {"kind": "idle", "t0": 0.0}]
    write_recording(tmp_path / "r", "gym", rows, [forearm(UP, 6, 50), forearm(DOWN, 8, 50)])
    found = {one.end_ms: one.accuracy for one in scored(store, tmp_path / "r").windows}
    assert found == {1000: 1.0, 0: 0.0, -500: 0.0, -1000: 0.0, -1500: 0.0, -2000: 0.0}


def test_abstaining_lowers_coverage_and_not_accuracy(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"), abstain_below=0.9)
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("Curl", UP), ("Extension", -0.2), ("Extension", 0.2)])
    first = scored(store, tmp_path / "r").windows[0]
    assert (first.accuracy, first.coverage, first.accuracy_when_sure) == (0.75, 0.5, 1.0)


def test_negatives_tell_how_often_the_model_speaks_of_nothing(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"), abstain_below=0.9)
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("rest", UP), ("rest", 0.0)], seconds=11)
    first = scored(store, tmp_path / "r").windows[0]
    assert (first.sets, first.negatives, first.negatives_answered) == (1, 2, 0.5)


def test_what_cannot_be_used_is_counted_and_the_rest_is_judged(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"))
    folder = tmp_path / "r"
    write_sets(folder, "gym", [("Curl", UP), ("Extension", DOWN)])
    write_sets(folder, "short", [("Curl", UP)], seconds=0.5)
    write_sets(folder, "slow", [("Curl", UP)], rate_hz=5.0)
    write_recording(folder, "empty", [{"exercise": "Curl", "rate_hz": 50}], [forearm(UP, 0, 50)])
    write_sets(folder, "nonsense", [("Curl", UP)])
    (folder / "nonsense.json").write_text('{"sets": [{"exercise": 3}]}')
    write_sets(folder, "torn", [("Curl", UP)])
    (folder / "torn.npz").write_bytes(b"PK\x03\x04 no more")
    report = scored(store, folder)
    assert report.windows[0].accuracy == 1.0
    assert (report.sets, report.judged) == (2, 2)
    assert report.refused == {
        "no rate": 1, "no samples": 1, "less than a second": 1, "rate outside 10 to 100 Hz": 1,
    }  # fmt: skip
    assert set(report.unreadable) == {"torn"}


def test_the_same_folder_has_the_same_figures(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"))
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("Extension", 0.1), ("Curl", -0.1), ("Extension", DOWN)])
    assert scored(store, tmp_path / "r") == scored(store, tmp_path / "r")


def test_a_folder_without_recordings_is_an_error(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"))
    with pytest.raises(RecordingError, match=r"no NAME\.json"):
        scored(store, tmp_path)


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.output


def test_the_command_prints_one_json_object(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"))
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("Extension", DOWN)])
    code, said = run("fit", "score", "--models", tmp_path / "data", "--data", tmp_path / "r", "--json")
    assert code == 0, said
    found = json.loads(said)
    assert found["judged"] == 2
    assert [one["end_ms"] for one in found["windows"]] == [1000, 0, -500, -1000, -1500, -2000]
    code, text = run("fit", "score", "--models", tmp_path / "data", "--data", tmp_path / "r")
    assert code == 0
    assert "first second" in text


REASONS: dict[str, tuple[str, object]] = {
    "no model for the sensors": ("without_model", 1),
    "a label that means nothing to the model": ("unnamed", {"juggling": 1}),
    "too short for any window": ("refused", {"less than a second": 1}),
    "no recording can be read": ("unreadable", None),
    "nothing has a label": ("sets", 0),
}


def written(folder: Path, reason: str, name: str = "gym") -> None:
    """A recording that cannot be judged, for one reason."""
    label = {"a label that means nothing to the model": "juggling", "nothing has a label": "rest"}.get(reason, "Curl")
    seconds = 0.5 if reason == "too short for any window" else 11.0
    write_sets(folder, name, [(label, UP)], seconds=seconds)
    if reason == "no recording can be read":
        (folder / f"{name}.npz").write_bytes(b"PK\x03\x04 no more")


@pytest.mark.parametrize("reason", REASONS)
def test_where_nothing_could_be_judged_the_report_is_printed_and_the_code_says_so(
    store: SqliteModelStore, tmp_path: Path, reason: str
) -> None:
    site = "chest" if reason == "no model for the sensors" else "wrist"
    publish(store, ("Curl", "Extension"), f"demo/all/{site}")
    written(tmp_path / "r", reason)
    words = ("fit", "score", "--models", tmp_path / "data", "--data", tmp_path / "r")
    code, said = run(*words, "--json")
    assert code == 65, said
    found = json.loads(said)
    field, counted = REASONS[reason]
    assert found["judged"] == 0
    assert found[field] == counted if counted is not None else list(found[field]) == ["gym"]
    code, text = run(*words)
    assert (code, "0 of" in text) == (65, True)


def test_what_could_be_judged_in_part_is_no_failure(store: SqliteModelStore, tmp_path: Path) -> None:
    publish(store, ("Curl", "Extension"))
    write_sets(tmp_path / "r", "gym", [("Curl", UP), ("juggling", DOWN)])
    written(tmp_path / "r", "no recording can be read", "torn")
    code, said = run("fit", "score", "--models", tmp_path / "data", "--data", tmp_path / "r", "--json")
    found = json.loads(said)
    assert (code, found["judged"], list(found["unreadable"])) == (0, 1, ["torn"])


def test_the_command_says_what_is_missing(store: SqliteModelStore, tmp_path: Path) -> None:
    code, said = run("fit", "score", "--models", tmp_path / "data", "--data", tmp_path)
    assert (code, "no published model" in said) == (65, True)
    publish(store, ("Curl", "Extension"))
    code, said = run("fit", "score", "--models", tmp_path / "data", "--data", tmp_path / "nowhere")
    assert (code, "nowhere" in said) == (65, True)
    code, said = run("fit", "score", "--models", tmp_path / "none", "--data", tmp_path)
    assert (code, "there are no models" in said) == (69, True)


def test_scoring_loads_nothing_that_trains() -> None:
    loaded = "import sys, kinelog.ml.scoring, kinelog.ml.published_models; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "sklearn"} & {name.partition(".")[0] for name in done.stdout.split()}
