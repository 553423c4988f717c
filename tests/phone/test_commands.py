"""`kinelog simulate` and `kinelog import recorded`: what they print, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kinelog.codecs.values import Format
from kinelog.phone.phone_session import SessionScript
from kinelog.phone.watch import WatchFrame
from kinelog.service.commands import import_, simulate

from tests.phone.fake_service import OWNER, FakeService


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    steps = SessionScript(3, 0, 0, 1_700_000_000_000, 1.0, Format.MUVR16).steps()
    packets = [step.data for step in steps if isinstance(step, WatchFrame)]
    folder = tmp_path / "ada-monday"
    folder.mkdir()
    (folder / "1.raw").write_bytes(b"".join(data + data for data in packets[:20]))
    (folder / "labels.txt").write_text("1=arms,rope-biceps-curl,,35,20")
    return tmp_path


def run_simulate(service: FakeService, *arguments: str, token: str = OWNER) -> Result:
    base = ["--url", service.url, "--users", "2", "--minutes", "0.3", "--bulk"]
    return CliRunner().invoke(simulate.command, [*base, *arguments], env={"KINELOG_TOKEN": token})


def run_import(service: FakeService, *arguments: str, token: str = OWNER) -> Result:
    base = ["recorded", "--url", service.url, "--token", token]
    return CliRunner().invoke(import_.command, [*base, *arguments])


def test_a_sound_simulation_exits_0_and_says_so(service: FakeService) -> None:
    result = run_simulate(service)
    assert result.exit_code == 0
    assert "verdict  sound" in result.output
    assert OWNER not in result.output


def test_a_lost_frame_exits_70_and_is_counted(service: FakeService) -> None:
    service.forget = {2}
    result = run_simulate(service, "--json")
    report = json.loads(result.output)
    assert result.exit_code == 70
    assert (report["verdict"], report["missing_acknowledged"]) == ("lost", 2)


def test_a_wrong_token_exits_65_and_says_which_one_to_give(service: FakeService) -> None:
    result = run_simulate(service, token="kl.demo.wrong")
    assert result.exit_code == 65
    assert "401 unauthenticated" in result.output
    assert "kinelog token create" in result.output


def test_no_service_exits_69_and_says_how_to_start_one() -> None:
    result = CliRunner().invoke(
        simulate.command, ["--url", "http://127.0.0.1:1", "--token", "x", "--users", "1", "--give-up", "0.01"]
    )
    assert result.exit_code == 69
    assert "kinelog serve" in result.output


def test_an_import_prints_a_line_a_file_and_exits_0(service: FakeService, captures: Path) -> None:
    result = run_import(service, str(captures), "--user", "ada")
    assert result.exit_code == 0
    assert "1      40       20     20    20         20    0" in result.output
    assert "1 of 1 files stored whole" in result.output
    assert service.users == {"ada"}


def test_an_import_as_json_adds_up(service: FakeService, captures: Path) -> None:
    document = json.loads(run_import(service, str(captures), "--json").output)
    assert document["complete"] is True
    assert document["totals"]["stored"] == document["totals"]["distinct"] == 20
    assert document["captures"][0]["files"][0]["label"] == "resistanceTargeted:arms/rope-biceps-curl"


def test_an_import_that_is_not_whole_exits_65(service: FakeService, captures: Path) -> None:
    service.forget = {4}
    result = run_import(service, str(captures))
    assert result.exit_code == 65
    assert "NOT WHOLE" in result.output


def test_a_paired_device_imports_with_its_own_token(service: FakeService, captures: Path) -> None:
    service.tokens["kl.demo.device"] = "ada"
    result = run_import(service, str(captures), "--device-token", token="kl.demo.device")
    assert result.exit_code == 0
    assert service.users == set()


def test_a_folder_without_captures_exits_65(service: FakeService, tmp_path: Path) -> None:
    result = run_import(service, str(tmp_path))
    assert result.exit_code == 65
    assert "no *.raw files" in result.output
