"""What survives when the service is killed, and how it goes when it is asked to."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from kinelog.journal.sqlite_journal import SqliteJournal

from tests.system.running_service import KINELOG, RunningService, environment, free_port, kinelog, prepare

pytestmark = pytest.mark.system

KILLS = 3
ENOUGH_ACKNOWLEDGED = 400


def frames_in_journal(data: Path) -> Counter[str]:
    """How many FrameRecorded each session's stream holds."""
    journal = SqliteJournal(data / "log" / "journal.db")
    counts: Counter[str] = Counter()
    try:
        for shard in range(journal.shards):
            after = 0
            while batch := journal.read(shard, after, 10_000):
                after = batch[-1].position
                counts.update(item.event.entity for item in batch if item.event.type == "FrameRecorded")
    finally:
        journal.close()
    return counts


def ledger_lines(ledger: Path) -> int:
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


def acknowledged_in(ledger: Path) -> int:
    """How many different frames were acknowledged."""
    return len(set(ledger.read_text().splitlines()))


def wait_for_acknowledged(ledger: Path, count: int, simulator: subprocess.Popen[str]) -> None:
    """Wait until so many frames are acknowledged (or the simulator is through)."""
    poll = threading.Event()
    while ledger_lines(ledger) < count and simulator.poll() is None:
        poll.wait(0.02)


def start_simulator(service: RunningService, token: str, ledger: Path, *arguments: str) -> subprocess.Popen[str]:
    """People who upload their sessions, and write down what was acknowledged."""
    return subprocess.Popen(
        [*KINELOG, "simulate", "--url", service.url, "--bulk", *arguments, "--ledger", str(ledger), "--json"],
        env=environment() | {"KINELOG_TOKEN": token},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(240)
def test_after_kill_9_every_acknowledged_frame_is_in_the_journal_exactly_once(tmp_path: Path) -> None:
    data, ledger, port = tmp_path / "data", tmp_path / "ledger", free_port()
    token = prepare(data)
    service = RunningService(data, port=port)
    faults = ("--retransmit", "0.2", "--reorder", "0.1", "--seed", "7")
    simulator = start_simulator(service, token, ledger, "--users", "200", "--minutes", "0.2", *faults)
    try:
        for kill in range(KILLS):
            wait_for_acknowledged(ledger, (kill + 1) * ENOUGH_ACKNOWLEDGED, simulator)
            service.kill()
            service = RunningService(data, port=port)
        out, _ = simulator.communicate(timeout=180)
    finally:
        simulator.kill()
        simulator.communicate()
        service.kill()
    assert simulator.returncode == 0, out
    assert acknowledged_in(ledger) == sum(frames_in_journal(data).values())
    verified = kinelog("journal", "verify", str(data))
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_sigterm_under_load_exits_0_within_ten_seconds_and_loses_nothing(tmp_path: Path) -> None:
    data, ledger, port = tmp_path / "data", tmp_path / "ledger", free_port()
    token = prepare(data)
    service = RunningService(data, port=port)
    simulator = start_simulator(service, token, ledger, "--users", "50", "--minutes", "1")
    try:
        wait_for_acknowledged(ledger, ENOUGH_ACKNOWLEDGED, simulator)
        assert service.terminate(timeout_s=60) == 0, service.log
        with RunningService(data, port=port):
            out, _ = simulator.communicate(timeout=120)
    finally:
        simulator.kill()
        simulator.communicate()
        service.kill()
    assert simulator.returncode == 0, out
    assert acknowledged_in(ledger) == sum(frames_in_journal(data).values())


def test_a_second_service_on_the_same_folder_is_refused_and_says_who_has_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with RunningService(data) as service:
        second = kinelog("serve", "--data", str(data), "--port", "0")
        assert second.returncode == 75
        assert str(service.process.pid) in second.stderr
        offline = kinelog("tenant", "create", "other", "--data", str(data))
        assert offline.returncode == 75
        assert "--url" in offline.stderr


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with RunningService(tmp_path / "one") as service:
        port = service.url.rsplit(":", 1)[1]
        other = kinelog("serve", "--data", str(tmp_path / "two"), "--port", port)
        assert other.returncode == 69
        assert "--port" in other.stderr
        assert "Traceback" not in other.stderr
