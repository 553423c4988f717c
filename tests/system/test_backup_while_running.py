"""A backup that is made in the middle of ingest holds whatever was acknowledged before it began."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.system.asking import Asking, eventually
from tests.system.running_service import RunningService, kinelog, prepare
from tests.system.test_process_dies import frames_in_journal, start_simulator, wait_for_acknowledged

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

USERS = 30
ENOUGH_ACKNOWLEDGED = 300


def acknowledged_by_session(ledger: Path) -> Counter[str]:
    """How many different frames of each session are acknowledged so far."""
    whole = ledger.read_text().rpartition("\n")[0]
    return Counter(line.split()[0] for line in set(whole.splitlines()))


def test_a_backup_under_load_holds_every_frame_acknowledged_before_it_began(tmp_path: Path) -> None:
    data, ledger, target = tmp_path / "data", tmp_path / "ledger", tmp_path / "restored"
    token = prepare(data)
    with RunningService(data) as service:
        # Without end, so that the backup is under load however fast this machine is.
        load = ("--users", str(USERS), "--minutes", "0.5", "--retransmit", "0.1", "--seed", "3", "--forever")
        simulator = start_simulator(service, token, ledger, *load)
        try:
            wait_for_acknowledged(ledger, ENOUGH_ACKNOWLEDGED, simulator)
            before = acknowledged_by_session(ledger)
            to = ("--to", str(tmp_path / "logs"), "--keys-to", str(tmp_path / "keys"))
            backup = kinelog("backup", "--data", str(data), *to, "--json")
            assert simulator.poll() is None
            after = acknowledged_by_session(ledger)
        finally:
            simulator.kill()
            simulator.communicate()
        assert service.terminate(timeout_s=60) == 0, service.log
    assert backup.returncode == 0, backup.stderr
    assert after.total() > before.total(), "nothing was acknowledged while the backup was made"
    made = json.loads(backup.stdout)
    # The folder is lost; only what was put elsewhere is left of it.
    shutil.copy(data / "keys" / "master.key", tmp_path / "master.key")
    stored = frames_in_journal(data)
    shutil.rmtree(data)
    sources = ("--log", made["log"], "--keys", made["keys"], "--master-key", str(tmp_path / "master.key"))
    restored = kinelog("restore", *sources, "--nobody-was-erased", "--to", str(target))
    assert restored.returncode == 0, restored.stderr
    verified = kinelog("journal", "verify", str(target))
    assert verified.returncode == 0, verified.stdout
    frames = frames_in_journal(target)
    by_session = Counter({entity.rpartition("/")[2]: count for entity, count in frames.items()})
    assert before - by_session == Counter()
    assert frames - stored == Counter()
    assert_served(target, token, by_session)


def assert_served(target: Path, token: str, frames: Counter[str]) -> None:
    """A service on the restored folder folds the views anew and shows every session with its frames."""

    def shown(owner: Asking) -> Counter[str]:
        replies = {session: owner.get(f"/v1/sessions/{session}") for session in frames}
        return Counter({one: sum(r.json["frames"].values()) for one, r in replies.items() if r.status == 200})

    with RunningService(target) as service:
        owner = Asking(service.url, token)
        eventually(lambda: shown(owner) == frames, "every session with all its frames")
        assert service.terminate(timeout_s=60) == 0, service.log
