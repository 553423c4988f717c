"""One node of the service: a process with its children, started again and again under one name and at one address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.cluster_chaos.witness import Acquisition, Answers, read
from tests.system.running_service import RunningService, environment, free_port

INTERPRETER_PATH = f"{Path(__file__).resolve().parent / 'interpreter'}:{environment()['PYTHONPATH']}"
"""Where a process that the harness starts finds what is done to it before its first line."""


class ServiceNode:
    """`kinelog serve`, as one of several."""

    def __init__(
        self, name: str, data: Path, witness: Path, source: str, variables: Mapping[str, str], arguments: Sequence[str]
    ) -> None:
        """Nothing runs yet.

        Args:
            name: Of the node.
            data: Its data folder.
            witness: File for what its shards do.
            source: Loopback address from which it connects.
            variables: Its configuration.
            arguments: More of its command line.
        """
        self.name = name
        self.clock_s = 0.0
        self.next_version = False
        self.breaks: str | None = None
        self.logs: list[str] = []
        self._port = free_port()
        self._data = data
        self._witness = witness
        self._source = source
        self._variables = dict(variables)
        self._arguments = tuple(arguments)
        self._service: RunningService | None = None

    @property
    def url(self) -> str:
        """Where people and phones reach it, running or not."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """Whether its process is there (a paused one is)."""
        return self._service is not None and self._service.process.poll() is None

    @property
    def log(self) -> str:
        """All that it logged, in all its lives."""
        return "".join([*self.logs, self._service.log if self._service else ""])

    def start(self) -> None:
        """Start it; it listens when this returns.

        Raises:
            AssertionError: It did not start.
        """
        self._service = RunningService(self._data, self._arguments, self._environment(), self._port)

    def kill(self) -> None:
        """`kill -9`, of its children too. Nothing, if it does not run."""
        service = self._ended()
        if service is not None:
            children = _family(service.process.pid)
            service.kill()
            for child in children:  # each ends by itself when its parent is gone, and may be the first
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            self.logs.append(service.log)

    def terminate(self, timeout_s: float) -> int:
        """SIGTERM; its exit code, when it has handed everything over.

        Raises:
            subprocess.TimeoutExpired: It did not end in time.
        """
        service = self._ended()
        assert service is not None, f"{self.name} does not run"
        code = service.terminate(timeout_s)
        self.logs.append(service.log)
        return code

    def pause(self) -> None:
        """Stop it and its children in their tracks."""
        for process in self._processes():
            process.suspend()

    def resume(self) -> None:
        """Let them go on where they were."""
        for process in self._processes():
            process.resume()

    def witnessed(self) -> tuple[list[Acquisition], list[Answers]]:
        """What its shards did so far, in all its lives."""
        return read(self.name, self._witness)

    def _ended(self) -> RunningService | None:
        service, self._service = self._service, None
        return service

    def _processes(self) -> list[psutil.Process]:
        if self._service is None:
            return []
        return [psutil.Process(self._service.process.pid), *_family(self._service.process.pid)]

    def _environment(self) -> dict[str, str]:
        """The harness's own variables are none that the service knows."""
        chaos = {
            "CHAOS_SOURCE": self._source,
            "CHAOS_WITNESS": str(self._witness),
            "CHAOS_CLOCK_S": str(self.clock_s) if self.clock_s else "",
            "CHAOS_NEXT_VERSION": "1" if self.next_version else "",
            "CHAOS_BREAKS": self.breaks or "",
        }
        return self._variables | chaos | {"PYTHONPATH": INTERPRETER_PATH}


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
