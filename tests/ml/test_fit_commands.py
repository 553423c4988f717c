"""`kinelog fit run`, `list` and `show`: what a scheduler gets told."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kinelog.ml.kept_state import DamagedStateError
from kinelog.ml.run_book import NightSettings, records_of
from kinelog.ml.run_record import Cost, NightRecord, PhaseCost, record_bytes, stored_record
from kinelog.ml.set_drawing import MOST_SETS
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.service.cli import main
from kinelog.service.commands import fit_run
from kinelog.service.configuration import DataFolder
from msgspec.structs import replace

from tests.ml.test_run_record import STORED, made_record

RUN = "20260101-000000-000-gym"


def kinelog(*arguments: str, recordings: str = "") -> Result:
    return CliRunner().invoke(main, ["fit", *arguments], env={"KINELOG_RECORDINGS": recordings or None})


def models_of(data: Path) -> SqliteModelStore:
    folder = DataFolder(data)
    folder.create()
    return SqliteModelStore(folder.models)


def kept(data: Path, *records: NightRecord) -> None:
    with models_of(data) as store:
        for record in records:
            store.save_run(record.run, record_bytes(record))


@pytest.fixture
def night() -> NightRecord:
    return replace(made_record(), run=RUN, cost=Cost((PhaseCost("select", 12.0),), fits=160))


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A data folder with tables, and nobody in them."""
    for arguments in (["tenant", "create", "gym"], ["project", "--once"]):
        done = CliRunner().invoke(main, [*arguments, "--data", str(tmp_path)])
        assert done.exit_code == 0, done.output
    return tmp_path


def test_without_labelled_sets_the_scheduler_is_told_why_and_the_night_is_on_record(empty: Path) -> None:
    result = kinelog("run", "--data", str(empty), "--tenant", "gym")
    assert result.exit_code == 65
    assert "no labelled set" in result.output
    with models_of(empty) as store:
        (record,) = records_of(store)
    assert (record.state, record.tenant) == ("failed", "gym")


def test_a_mistyped_tenant_is_told_from_one_without_sets_and_gets_no_night(empty: Path) -> None:
    for command in (["run"], ["data"], ["purge"]):
        result = kinelog(*command, "--data", str(empty), "--tenant", "gum")
        assert (result.exit_code, "has no tenant gum" in result.output) == (65, True), result.output
    with models_of(empty) as store:
        assert records_of(store) == []


def test_without_any_tenant_there_is_nothing_to_fit(tmp_path: Path) -> None:
    result = kinelog("run", "--data", str(tmp_path))
    assert result.exit_code == 65
    assert "no tenant" in result.output


def test_while_another_run_holds_the_lease_the_scheduler_is_told_to_come_back(tmp_path: Path) -> None:
    with models_of(tmp_path) as store:
        store.acquire_lease("fit/gym", "node-7 process 1", 600)
    result = kinelog("run", "--data", str(tmp_path), "--tenant", "gym", "--wait", "0")
    assert result.exit_code == 75
    assert "node-7 process 1" in result.output


@pytest.mark.parametrize("told_by", ["Ctrl-C", "SIGTERM"])
def test_who_is_told_to_stop_lets_the_lease_go_and_says_that_the_same_command_goes_on(
    empty: Path, monkeypatch: pytest.MonkeyPatch, told_by: str
) -> None:
    def told(*_: object) -> None:
        if told_by == "Ctrl-C":
            raise KeyboardInterrupt  # the signal itself is ignored where the suite runs in the background
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("nobody was told")

    monkeypatch.setattr("kinelog.ml.tenant_data.offered_by_tenant", told)
    before = signal.getsignal(signal.SIGTERM)
    result = kinelog("run", "--data", str(empty), "--tenant", "gym")
    assert (result.exit_code, "the same command goes on" in result.output) == (75, True)
    assert signal.getsignal(signal.SIGTERM) == before
    with models_of(empty) as store:
        assert store.acquire_lease("fit/gym", "the next", 600).holder == "the next"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--engine", "dask"), "--scheduler"),
        (("--engine", "processes", "--scheduler", "tcp://127.0.0.1:1"), "--engine dask"),
        (("--candidates", "1"), "candidates"),
        (("--most-sets", "10"), "most-sets"),
        (("--store", "mongodb://x"), "store"),
    ],
)
def test_wrong_usage_is_named(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    result = kinelog("run", "--data", str(tmp_path), "--tenant", "gym", *arguments)
    assert result.exit_code == 64
    assert says in result.output


def test_a_pool_takes_as_many_sets_as_a_night_takes_that_is_told_nothing() -> None:
    (option,) = (one for one in fit_run.command.params if one.name == "most_sets")
    assert option.default == NightSettings("gym").most_sets == MOST_SETS


def test_without_tables_it_is_the_store_that_does_not_answer(tmp_path: Path) -> None:
    created = CliRunner().invoke(main, ["tenant", "create", "gym", "--data", str(tmp_path)])
    assert created.exit_code == 0, created.output
    result = kinelog("run", "--data", str(tmp_path), "--tenant", "gym")
    assert (result.exit_code, "kinelog project" in result.output) == (69, True), result.output


def test_a_scheduler_that_does_not_answer_is_named(
    tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinelog.ml.engines.dask_engine.CONNECT_S", 1)
    address = f"tcp://127.0.0.1:{unused_tcp_port}"
    result = kinelog("run", "--data", str(tmp_path), "--tenant", "gym", "--scheduler", address)
    assert result.exit_code == 69
    assert address in result.output


def test_a_recording_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    result = kinelog("run", "--data", str(tmp_path / "data"), "--recordings", str(folder), "--only", "gymwatch")
    assert result.exit_code == 65
    assert "gymwatch" in result.output


def test_every_line_of_json_is_an_object_with_a_name_and_a_time(empty: Path) -> None:
    result = kinelog("run", "--data", str(empty), "--tenant", "gym", "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["event"] for one in told] == ["phase", "progress", "night", "no-data"]
    assert all(one["at_ms"] > 0 for one in told)


def test_nights_are_listed_the_newest_first(tmp_path: Path, night: NightRecord) -> None:
    later = replace(night, run="20260102-000000-000-gym", state="running")
    kept(tmp_path, night, later, replace(night, run="x", tenant="another"))
    result = kinelog("list", "--data", str(tmp_path), "--tenant", "gym", "--json")
    runs = json.loads(result.stdout)["runs"]
    assert [(run["run"], run["state"], run["published"]) for run in runs] == [
        (later.run, "running", 1),
        (night.run, "done", 1),
    ]


def test_a_night_is_shown_in_words_and_whole(tmp_path: Path, night: NightRecord) -> None:
    kept(tmp_path, night)
    words = kinelog("show", "--data", str(tmp_path))
    assert words.exit_code == 0
    assert "f-30s/left-wrist (data of f): first" in words.output
    assert "160 fits in 12.0 s" in words.output
    whole = kinelog("show", RUN, "--data", str(tmp_path), "--json")
    assert json.loads(whole.stdout)["run"] == RUN


def test_a_night_of_an_earlier_version_is_listed_and_shown_with_today_s_names(tmp_path: Path) -> None:
    with models_of(tmp_path) as store:
        store.save_run("night-2", (STORED / "1.json").read_bytes())
    listed = json.loads(kinelog("list", "--data", str(tmp_path), "--json").stdout)["runs"]
    assert [(run["run"], run["scopes"]) for run in listed] == [("night-2", 2)]
    shown = json.loads(kinelog("show", "--data", str(tmp_path), "--json").stdout)
    assert shown == json.loads((STORED / "2.json").read_bytes())
    page = tmp_path / "report.html"
    assert kinelog("show", "night-2", "--data", str(tmp_path), "--out", str(page)).exit_code == 0
    assert "night-2" in page.read_text()


def test_a_record_that_is_damaged_is_listed_as_such_and_showing_it_names_it_and_what_to_do(
    tmp_path: Path, night: NightRecord
) -> None:
    kept(tmp_path, replace(night, run="x-harbour", tenant="harbour"), night)
    with models_of(tmp_path) as store:
        whole = stored_record(night)
        store.save_run(RUN, whole[:300] + b"?" + whole[301:])
    listed = kinelog("list", "--data", str(tmp_path), "--json")
    assert [(run["run"], run["state"]) for run in json.loads(listed.stdout)["runs"]] == [
        (RUN, "unreadable"), ("x-harbour", "done"),
    ]  # fmt: skip
    listed = kinelog("list", "--data", str(tmp_path), "--tenant", "gym")
    assert (listed.exit_code, RUN in listed.output, "harbour" in listed.output) == (0, True, False)
    shown = kinelog("show", RUN, "--data", str(tmp_path))
    assert shown.exit_code == 65
    assert all(said in shown.output for said in (RUN, str(DataFolder(tmp_path).models), "backup"))
    assert kinelog("show", "x-harbour", "--data", str(tmp_path)).exit_code == 0


def test_a_night_that_finds_damage_ends_with_the_code_for_data_that_cannot_be_used(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(*_: object) -> None:
        raise DamagedStateError("models: the population of gym/all/chest: put it back")

    monkeypatch.setattr("kinelog.ml.night.run_night", found)
    result = kinelog("run", "--data", str(empty), "--tenant", "gym")
    assert (result.exit_code, "gym/all/chest" in result.output) == (65, True), result.output


def test_a_disk_without_room_ends_a_night_with_where_and_what_to_do(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere/arrays")

    monkeypatch.setattr("kinelog.ml.night.run_night", full)
    result = kinelog("run", "--data", str(empty), "--tenant", "gym")
    assert result.exit_code == 73, result.output
    assert "/elsewhere/arrays: No space left on device; make room, and the same command goes on" in result.output


def test_a_night_that_never_was_is_refused(tmp_path: Path, night: NightRecord) -> None:
    kept(tmp_path, night)
    result = kinelog("show", "monday", "--data", str(tmp_path))
    assert result.exit_code == 65
    assert "monday" in result.output


def test_the_report_of_a_past_night_can_be_made_again(tmp_path: Path, night: NightRecord) -> None:
    kept(tmp_path, night)
    page = tmp_path / "report.html"
    assert kinelog("show", "--data", str(tmp_path), "--out", str(page)).exit_code == 0
    assert RUN in page.read_text()


def test_a_report_that_cannot_be_written_is_told_before_the_night_and_not_behind_it(
    tmp_path: Path, night: NightRecord
) -> None:
    kept(tmp_path, night)
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "report.html", tmp_path):
        arguments = ("--data", str(tmp_path), "--out", str(out))
        result = kinelog("run", "--tenant", "gym", *arguments)
        assert result.exit_code in {64, 73}, result.output
        assert str(out) in result.output or str(out.parent) in result.output
        assert kinelog("show", *arguments).exit_code in {64, 73}
    with models_of(tmp_path) as store:
        assert [one.run for one in records_of(store)] == [RUN]
