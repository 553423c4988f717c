"""`make fit` without recordings: simulated people train through a service, and two nights fit what they did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LESS = ("--people=24", "--minutes=8", "--candidates=2")

pytestmark = pytest.mark.system


def test_two_nights_on_what_simulated_people_did_and_the_second_has_nothing_left_to_fit(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "KINELOG_RECORDINGS"}
    command = [sys.executable, str(ROOT / "scripts" / "fit_here.py"), "--data", str(tmp_path), *LESS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for night in (1, 2):
        assert (tmp_path / f"night-{night}.html").read_text().startswith("<!doctype html>")

    asked = [sys.executable, "-m", "kinelog.service", "fit", "list", "--data", str(tmp_path), "--json"]
    second, first = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)["runs"]
    assert (first["state"], second["state"]) == ("done", "done")
    assert first["dataset"] == second["dataset"]
    # Whether the first model is published is up to the sets that chance puts aside; that the same data are not fitted
    # again is not.
    assert first["fits"] > 0
    assert (second["fits"], second["published"]) == (0, 0)
