"""A night with real networks, killed with SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.ml.night.night_process import CANDIDATES, FOLDS

pytestmark = pytest.mark.fit
DEADLINE_S = 200


def started(folder: Path) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.ml.night.night_process", str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    )


def finished(folder: Path) -> dict[str, object]:
    with started(folder) as process:
        said, _ = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0
    result: dict[str, object] = json.loads(said)
    return result


def killed_once_it_has_results(folder: Path) -> list[psutil.Process]:
    """Its children, which are then nobody's."""
    with started(folder) as process:
        deadline = time.monotonic() + DEADLINE_S
        while not list((folder / "work" / "results").glob("*/*")):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
    return children


def test_killed_in_the_middle_the_next_run_ends_with_the_same_bits_and_less_work(tmp_path: Path) -> None:
    undisturbed = finished(tmp_path / "undisturbed")
    orphans = killed_once_it_has_results(tmp_path / "killed")
    resumed = finished(tmp_path / "killed")
    for name in ("outcome", "ten", "blobs"):
        assert resumed[name] == undisturbed[name]
    whole = 1  # the winner's recipe on all sessions
    assert undisturbed["fits"] == CANDIDATES * FOLDS + CANDIDATES + whole
    assert int(str(resumed["fits"])) < int(str(undisturbed["fits"]))
    _, alive = psutil.wait_procs(orphans, timeout=DEADLINE_S)
    assert alive == [], "children go when nobody waits for them"
