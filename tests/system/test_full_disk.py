"""A disk without room: nothing is acknowledged that is not stored, and the same process goes on when there is room."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.system.asking import Asking, Reply, eventually
from tests.system.guests import Guest, enrol, open_gym
from tests.system.running_service import RunningService, kinelog, prepare
from tests.system.test_process_dies import frames_in_journal

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

PHONES = 8
FRAMES = 60


@contextmanager
def no_room_beyond(size: int, *pids: int) -> Iterator[None]:
    """Let processes write to no file beyond `size` bytes, for a while.

    The kernel refuses such a write (EFBIG) as it refuses one to a full disk (ENOSPC); nobody needs to be root for it.
    """
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        for pid, limit in before.items():
            if psutil.pid_exists(pid):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


@dataclass
class Training:
    """Somebody in the middle of a session, on a running service."""

    data: Path
    service: RunningService
    owner: Asking
    watch: Asking
    guest: Guest

    @property
    def pid(self) -> int:
        return self.service.process.pid

    def send(self, sequences: range) -> list[Reply]:
        """Send frames over several connections at the same time."""

        def put(sequence: int) -> Reply:
            path = f"/v1/sessions/{self.guest.open}/frames/{self.guest.watch}/{sequence}"
            return self.watch.call("PUT", path, self.guest.frames[sequence])

        with ThreadPoolExecutor(PHONES) as phones:
            return list(phones.map(put, sequences))

    def stored(self) -> int:
        """Frames that the journal holds, after the service has stopped."""
        return sum(frames_in_journal(self.data).values())

    def folded(self) -> int:
        """Frames that the views show of the session; -1 while they cannot be read."""
        reply = self.owner.get(f"/v1/users/{self.guest.name}/sessions/{self.guest.open}")
        return int(reply.json["frames"].get(self.guest.watch, 0)) if reply.status == 200 else -1


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    data = tmp_path / "data"
    token = prepare(data)
    with RunningService(data) as service:
        owner = Asking(service.url, token)
        open_gym(owner)
        guest = enrol(owner, "ada", 1)
        for sequence in range(FRAMES):
            guest.frame(guest.started_ms + sequence * 1000)
        watch = Asking(service.url, guest.token)
        watch.put(f"/v1/sessions/{guest.open}", {"started_at_ms": guest.started_ms})
        yield Training(data, service, owner, watch, guest)


def statuses(replies: list[Reply]) -> set[int]:
    return {reply.status for reply in replies}


def assert_sound(training: Training, frames: int) -> None:
    """The log, without its service, is whole and holds so many frames."""
    assert training.service.terminate(timeout_s=60) == 0, training.service.log
    assert "Traceback" not in training.service.log, training.service.log
    assert training.stored() == frames
    verified = kinelog("journal", "verify", str(training.data))
    assert verified.returncode == 0, verified.stdout


def test_without_room_frames_are_answered_503_and_the_same_process_takes_them_when_there_is(
    training: Training,
) -> None:
    assert statuses(training.send(range(20))) == {201}
    eventually(lambda: training.folded() == 20, "the first frames are in the views")
    with no_room_beyond(1, training.pid):
        refused = training.send(range(20, FRAMES))
        assert statuses(refused) == {503}
        assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
        assert all(reply.json["retryable"] for reply in refused)
        # What was stored before is a duplicate still: the state in memory did not run ahead of the log, nor fall back.
        assert statuses(training.send(range(20))) == {200}
        assert training.watch.get(f"/v1/sessions/{training.guest.open}/frames").status == 200
    # No 200 among them: a frame that was refused had not been kept in memory as if it were stored.
    assert statuses(training.send(range(20, FRAMES))) == {201}
    assert_sound(training, FRAMES)


def test_where_the_disk_fills_up_midway_exactly_the_acknowledged_frames_are_stored(training: Training) -> None:
    log = training.data / "log" / "journal.db-wal"
    with no_room_beyond(log.stat().st_size + 60_000, training.pid):
        replies = training.send(range(FRAMES))
    assert statuses(replies) == {201, 503}
    taken = sum(reply.status == 201 for reply in replies)
    assert_sound(training, taken)


def test_people_are_not_half_made_or_half_erased_without_room(training: Training) -> None:
    assert statuses(training.send(range(3))) == {201}
    me = f"/v1/users/{training.guest.name}"
    with no_room_beyond(1, training.pid):
        for reply in (training.owner.call("PUT", "/v1/users/brian", {}), training.owner.call("DELETE", me)):
            assert reply.status == 503, reply.body
            assert int(reply.headers["retry-after"]) >= 1
        assert training.owner.get(me).status == 200
    assert training.owner.get("/v1/users/brian").status == 404
    assert training.owner.call("PUT", "/v1/users/brian", {}).status == 201
    assert training.owner.call("DELETE", me).status == 200
    assert training.owner.get(me).status == 404
    assert_sound(training, 3)


def test_views_without_room_hold_up_no_frame_and_catch_up_by_themselves(training: Training) -> None:
    assert statuses(training.send(range(5))) == {201}
    eventually(lambda: training.folded() == 5, "the first frames are in the views")
    workers = [child.pid for child in psutil.Process(training.pid).children()]
    assert workers
    with no_room_beyond(1, *workers):
        assert statuses(training.send(range(5, 25))) == {201}
    eventually(lambda: training.folded() == 25, "the views have caught up")
    assert_sound(training, 25)


def test_a_stop_without_room_for_snapshots_is_a_clean_stop(training: Training) -> None:
    assert statuses(training.send(range(10))) == {201}
    with no_room_beyond(1, training.pid):
        assert training.service.terminate(timeout_s=60) == 0, training.service.log
    assert training.stored() == 10
    with RunningService(training.data) as service:
        watch = Asking(service.url, training.guest.token)
        path = f"/v1/sessions/{training.guest.open}/frames/{training.guest.watch}/9"
        assert watch.call("PUT", path, training.guest.frames[9]).status == 200
