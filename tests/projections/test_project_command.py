"""`kinelog project`, against a data folder on disk."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kinelog.codecs import frames
from kinelog.domain.events import Event, FrameRecorded, SessionStarted
from kinelog.domain.identifiers import Person, shard_of
from kinelog.projections.sqlite_read_side import SqliteReadSide
from kinelog.service.cli import main
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.opened_data import open_data

from tests.projections.gym_floor import GYM, NOON_MS, TENANT, session_id
from tests.projections.watch_frames import ae

PEOPLE, FRAMES = 3, 20


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a log and no views yet."""
    folder = DataFolder(tmp_path / "data")
    with open_data(folder, Settings()) as opened:
        for number in range(PEOPLE):
            person = Person(TENANT, opened.keys.enrol(TENANT, f"person-{number}"))
            stream = person.session(session_id(number))
            happened: list[Event] = [SessionStarted(at_ms=NOON_MS, started_at_ms=NOON_MS, gym=GYM)]
            for sequence in range(FRAMES):
                frame = ae(NOON_MS + sequence * 1000, seed=sequence)
                happened.append(
                    FrameRecorded(
                        at_ms=NOON_MS, device="watch", sequence=sequence, digest=b"", start_ms=None,
                        summary=frames.summarize(frame), data=frame,
                    )
                )  # fmt: skip
            stored = [opened.codec.seal(stream, index + 1, event) for index, event in enumerate(happened)]
            shard = shard_of(person, opened.journal.shards)
            taken = opened.journal.acquire(shard, "test")
            opened.journal.commit(shard, taken.epoch, taken.head, secrets.token_bytes(16), stored)
    return folder.root


def project(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["project", "--data", str(data), *arguments])


def test_once_folds_all_there_is_and_says_so(data: Path) -> None:
    result = project(data, "--once", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"events": PEOPLE * (FRAMES + 1)}
    side = SqliteReadSide(DataFolder(data).views)
    assert [row.frames for row in side.training_now(TENANT, GYM)] == [{"watch": FRAMES}] * PEOPLE
    side.close()


def test_status_tells_lag_before_and_after(data: Path) -> None:
    before = json.loads(project(data, "--status", "--json").stdout)
    assert (sum(before["lag"].values()), before["views"]) == (PEOPLE * (FRAMES + 1), [])
    project(data, "--once")
    after = json.loads(project(data, "--status", "--json").stdout)
    assert sum(after["lag"].values()) == 0
    assert {view["state"] for view in after["views"]} == {"live"}
    assert "sessions_by_id" in project(data, "--status").stdout


def test_a_rebuild_by_name_says_what_was_switched(data: Path) -> None:
    project(data, "--once")
    result = project(data, "--rebuild", "samples_by_session", "--rebuild", "gyms", "--json")
    assert json.loads(result.stdout) == {"rebuilt": ["samples_by_session", "gyms"]}
    views = json.loads(project(data, "--status", "--json").stdout)["views"]
    assert {view["view"] for view in views if view["generation"] == 2} == {"samples_by_session", "gyms"}
    assert json.loads(project(data, "--replay-parked", "--json").stdout) == {"folded": 0, "waiting": 0}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rebuild", "nothing"], "no view 'nothing'"),
        (["--shards", "3-1"], "expected shards like"),
        (["--shards", "99"], "the log has shards 0 to 3"),
        (["--status", "--rebuild", "all"], "one at a time"),
    ],
)
def test_wrong_usage_says_what_is_right(data: Path, arguments: list[str], says: str) -> None:
    result = project(data, *arguments)
    assert result.exit_code == 64
    assert says in result.stderr


def test_a_folder_without_a_log_is_not_made(tmp_path: Path) -> None:
    result = project(tmp_path / "nowhere")
    assert result.exit_code == 69
    assert not (tmp_path / "nowhere").exists()


def test_a_running_worker_ends_with_0_when_asked(data: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "kinelog.service", "project", "--data", str(data)],
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stderr is not None
        assert b"generation 1" in process.stderr.readline()  # it has begun
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
