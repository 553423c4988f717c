"""`kinelog decode`: what it prints, and the code it ends with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kinelog.codecs.explain import to_json_object
from kinelog.codecs.frames import decode
from kinelog.service.commands.decode import command


def _run(*arguments: str, data: bytes | None = None) -> Result:
    return CliRunner().invoke(command, list(arguments), input=data)


def _write(folder: Path, golden: Any) -> str:
    path = folder / f"{golden.name}.bin"
    path.write_bytes(golden.data)
    return str(path)


def test_json_is_one_object_with_every_sample(good_golden: Any, tmp_path: Path) -> None:
    result = _run("--json", "--format", good_golden.meaning["format"], _write(tmp_path, good_golden))
    assert result.exit_code == 0
    assert json.loads(result.stdout) == to_json_object(decode(good_golden.data, good_golden.format))
    assert result.stdout.count("\n") == 1


def test_json_of_a_bad_frame_is_its_error_and_exit_code_65(bad_golden: Any, tmp_path: Path) -> None:
    result = _run("--json", "--format", bad_golden.format.value, _write(tmp_path, bad_golden))
    assert result.exit_code == 65
    told = json.loads(result.stdout)
    assert set(told) == {"error", "offset", "detail"}
    assert told["error"] == bad_golden.meaning["error"].split(" ")[0]


def test_a_frame_is_told_field_by_field_and_bit_by_bit(golden_frames: dict[str, Any], tmp_path: Path) -> None:
    result = _run(_write(tmp_path, golden_frames["muvr_ae_edges_0"]))
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["layout", "ae"]
    assert ["25", "01", "40", "00", "0c", "00", "13-25", "[1].y", "2", "2", "mg"] in lines
    assert lines[-1] == ["accelerometer", "at", "left-wrist:", "50", "samples", "in", "mg", "at", "50", "Hz"]


def test_all_shows_every_sample(golden_frames: dict[str, Any], tmp_path: Path) -> None:
    result = _run("--all", _write(tmp_path, golden_frames["muvr_ae_edges_0"]))
    assert result.stdout.count(" mg\n") == 150


def test_a_bad_frame_is_told_up_to_its_fault(golden_frames: dict[str, Any], tmp_path: Path) -> None:
    result = _run(_write(tmp_path, golden_frames["neg_mp_bad_location"]))
    assert result.exit_code == 65
    assert "payload_size" in result.stdout
    assert "bad-location at byte 9" in result.stderr
    assert "Traceback" not in result.output


def test_a_dash_reads_standard_input(golden_frames: dict[str, Any]) -> None:
    result = _run("-", data=golden_frames["muvr16_dead"].data)
    assert result.exit_code == 0
    assert "the watch says that it stopped" in result.stdout


def test_a_missing_file_ends_in_66_and_says_what_to_do(tmp_path: Path) -> None:
    result = _run(str(tmp_path / "nothing.bin"))
    assert result.exit_code == 66
    assert "name a file of raw frame bytes" in result.stderr


def test_a_folder_is_no_frame(tmp_path: Path) -> None:
    assert _run(str(tmp_path)).exit_code == 66


def test_an_unknown_layout_ends_in_64_and_lists_the_known_ones(tmp_path: Path) -> None:
    result = _run("--format", "gfs6", str(tmp_path / "x"))
    assert result.exit_code == 64
    assert "gfs-fef7" in result.stderr


def test_too_long_an_input_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinelog.service.commands.decode.MOST_BYTES", 10)
    result = _run("-", data=bytes(11))
    assert result.exit_code == 65
    assert "more than 10 bytes" in result.stderr
