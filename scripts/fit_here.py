"""`make fit`: the nightly fit on this machine, twice, from labelled sets to a signed model and a report.

On real recordings if a folder of them is given, else on simulated people, who train through a service of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TENANT = "demo"
KINELOG = (sys.executable, "-m", "kinelog.service")


def main() -> int:
    """Do it; the exit code of the last fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Data folder.")
    parser.add_argument("--recordings", type=Path, default=os.environ.get("KINELOG_RECORDINGS") or None)
    parser.add_argument("--only", action="append", default=[], help="Of the recordings, only this one.")
    parser.add_argument("--candidates", type=int, default=12)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=8.0, help="Length of a simulated session.")
    arguments = parser.parse_args()
    data = str(arguments.data)
    source = ["--tenant", TENANT]
    if arguments.recordings is not None:
        source = ["--recordings", str(arguments.recordings), *(f"--only={name}" for name in arguments.only)]
    else:
        simulate(data, arguments.people, arguments.minutes)
    fit = [*KINELOG, "fit", "run", "--data", data, *source, "--candidates", str(arguments.candidates)]
    code = 0
    for night in (1, 2):
        print(f"\n── night {night} ──", flush=True)
        report = arguments.data / f"night-{night}.html"
        code = subprocess.run([*fit, "--out", str(report)], check=False).returncode
        if code:
            return code
    print("\n── what phones get ──", flush=True)
    subprocess.run([*KINELOG, "model", "list", "--data", data], check=True)
    return code


def simulate(data: str, people: int, minutes: float) -> None:
    """People who consent train, once each, through a service that ends afterwards."""
    if not Path(data, "keys").exists():
        said(["tenant", "create", TENANT, "--data", data])
    token = json.loads(said(["token", "create", "--tenant", TENANT, "--data", data, "--json"]))["token"]
    with service(data) as url:
        person = ["--users", str(people), "--minutes", str(minutes), "--bulk", "--consent", "training-models"]
        subprocess.run(
            [*KINELOG, "simulate", "--url", url, *person], env={**os.environ, "KINELOG_TOKEN": token}, check=True
        )
    subprocess.run([*KINELOG, "project", "--data", data, "--once"], check=True)


@contextmanager
def service(data: str) -> Iterator[str]:
    """A running service; its address."""
    command = [*KINELOG, "serve", "--data", data, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("no output to read")
        try:
            for line in process.stdout:
                if "listening on" in line:
                    yield line.rsplit(" ", 1)[-1].strip()
                    return
            raise RuntimeError("the service ended before it listened")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def said(arguments: list[str]) -> str:
    """Run a command; what it printed."""
    return subprocess.run([*KINELOG, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
