"""A real service as a process of its own, on a free port, stopped however the test ends."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from kinelog.service.parent_watch import VARIABLE as END_WITH_PARENT

from cassandra_server.loopback import taken_port

KINELOG = (sys.executable, "-m", "kinelog.service")
START_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 240.0
HOST = "127.0.0.1"
KEPT_PORTS = range(12_000, 32_000)
LISTENING = re.compile(r"listening on (http://\S+)")


def environment() -> dict[str, str]:
    """This process's environment, with the namespace on the path and no settings of the developer's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINELOG_")}
    namespace = Path(__file__).resolve().parents[2] / ".dev"
    return kept | {"PYTHONPATH": str(namespace), "PYTHONUNBUFFERED": "1"}


def kinelog(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with these environment variables."""
    return subprocess.run(
        [*KINELOG, *arguments],
        env=environment() | variables,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


class RunningService:
    """`kinelog serve` on a data folder."""

    def __init__(
        self, data: Path, arguments: Sequence[str] = (), variables: dict[str, str] | None = None, port: int = 0
    ) -> None:
        """Start the process and wait until it says that it listens."""
        self.data = data
        self._lines: list[str] = []
        self._listening = threading.Event()
        self._url = ""
        self.process = subprocess.Popen(
            [*KINELOG, "serve", "--data", str(data), "--port", str(port), *arguments],
            env=environment() | {END_WITH_PARENT: "1"} | (variables or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._listening.wait(START_TIMEOUT_S) or not self._url:
            self.kill()
            raise AssertionError("the service did not start:\n" + self.log)

    def _read(self) -> None:
        assert self.process.stdout is not None
        # Closed by who reads it: the worker of a service that was killed may hold it for longer than anybody waits.
        with self.process.stdout as lines:
            for line in lines:
                self._lines.append(line)
                if match := LISTENING.search(line):
                    self._url = match[1]
                    self._listening.set()
        self._listening.set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._url

    @property
    def log(self) -> str:
        """What it printed so far."""
        return "".join(self._lines)

    def kill(self) -> None:
        """`kill -9`, of the worker too: as if the machine had gone."""
        # Also where the service has ended by itself: its worker may still be at work, and holds what we read from.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._reap()

    def _reap(self, timeout_s: float = 30.0) -> int:
        code = self.process.wait(timeout=timeout_s)
        self._reader.join(timeout=timeout_s)
        if self.process.stdin is not None:
            self.process.stdin.close()
        return code

    def terminate(self, timeout_s: float) -> int:
        """SIGTERM to the service only, as an orchestrator does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap(timeout_s)

    def __enter__(self) -> Self:
        """Already running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no process behind."""
        self.kill()


def free_port() -> int:
    """A port that nobody listens on; for a service that must come back where it was.

    Of those that systems give to no connection that begins: such a one would take it while the service is away.
    """
    chance = random.SystemRandom()
    return next(port for port in iter(partial(chance.choice, KEPT_PORTS), None) if taken_port(HOST, [port]) is None)


def prepare(data: Path, tenant: str = "iron-works") -> str:
    """Make a tenant and an owner's token in a data folder; the token."""
    made = kinelog("tenant", "create", tenant, "--data", str(data))
    assert made.returncode == 0, made.stderr
    issued = kinelog("token", "create", "--tenant", tenant, "--role", "owner", "--data", str(data), "--json")
    assert issued.returncode == 0, issued.stderr
    token = json.loads(issued.stdout)["token"]
    assert isinstance(token, str)
    return token
