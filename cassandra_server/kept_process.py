"""A server's Java process under a keeper, which ends it when its owner ends: started, paused, stopped, killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from cassandra_server import keeper

LOG_TAIL = 4000


class KeptProcess:
    """A server of which the process that made it is the owner. Methods are for one thread at a time.

    Made of the standard library alone, as all that runs before there is an environment.

    Attributes:
        program: What runs, in words.
        failure: Raised where something is asked that cannot be.
        death: Raised where the process ended, or was not ready in time.
        stop_timeout_s: How long it may take to end in good order.
        look_every_s: Between two looks at whether it is ready.
    """

    program: ClassVar[str]
    failure: ClassVar[type[Exception]]
    death: ClassVar[type[Exception]]
    stop_timeout_s: ClassVar[float]
    look_every_s: ClassVar[float]

    def __init__(self, name: str, folder: Path, evidence: Callable[[], str]) -> None:
        """Nothing runs yet.

        Args:
            name: Which of several, in words.
            folder: Configuration, data and log of this server; made if need be, never removed.
            evidence: What it said last, for whoever looks into its end.
        """
        self.folder = folder.absolute()
        self._name = name
        self._evidence = evidence
        self._keeper: subprocess.Popen[str] | None = None
        self._pid = 0

    @property
    def pid(self) -> int:
        """The Java process's id; 0 before the first start."""
        return self._pid

    @property
    def running(self) -> bool:
        """Whether its process lives (a paused one does)."""
        return self._keeper is not None and self._keeper.poll() is None

    def stop(self) -> None:
        """End it as an orchestrator does: SIGTERM, time to end, then SIGKILL. Nothing, if it does not run."""
        self.ask_to_stop()
        self._reap()

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting. Nothing, if it does not run."""
        if self.running:
            self.resume()  # a stopped process does not see SIGTERM
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`. Nothing, if it does not run."""
        if self.running:
            self._signal(signal.SIGKILL)
        self._reap()

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): connections stay, nothing answers. Raises `failure` if it does not run."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on. Raises `failure` if it does not run."""
        self._signal(signal.SIGCONT)

    def _require_stopped(self) -> None:
        if self.running:
            raise self.failure(f"{self._name} runs already")

    def _launch(self, console: Path, command: Sequence[str]) -> None:
        """Run a command whose output goes to a file."""
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", keeper.__file__, str(console), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C in the owner's terminal is the owner's affair
        )
        assert self._keeper.stdout is not None
        first = self._keeper.stdout.readline()
        if not first:
            raise self.death(f"{command[0]} could not be started: see {console}")
        self._pid = int(first)

    def _wait_until(self, condition: Callable[[], bool], deadline: float) -> None:
        """Wait for something that comes before it is ready; past the deadline it is killed."""
        while not condition():
            if not self.running:
                raise self.death(f"{self.program} ended before it was ready.{self._evidence()}")
            if time.monotonic() > deadline:
                evidence = self._evidence()
                self.kill()
                raise self.death(f"{self.program} was not ready in time.{evidence}")
            time.sleep(self.look_every_s)

    def _signal(self, number: signal.Signals) -> None:
        if self._keeper is None or self._keeper.stdin is None or not self.running:
            raise self.failure(f"{self._name} does not run")
        # Through the keeper: it alone knows that the process id is still the server's.
        try:
            self._keeper.stdin.write(f"{int(number)}\n")
            self._keeper.stdin.flush()
        except BrokenPipeError:
            return  # it has just ended

    def _reap(self) -> None:
        started = self._keeper
        if started is None:
            return
        try:
            started.wait(self.stop_timeout_s)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            started.wait()
        self._keeper = None
        for pipe in (started.stdin, started.stdout):
            if pipe is not None:
                pipe.close()


def tail_of(file: Path) -> str:
    """The end of a file, under its name; nothing but the name where there is no file."""
    printed = file.read_text(errors="replace")[-LOG_TAIL:] if file.exists() else ""
    return f"\n--- end of {file}\n{printed}"
