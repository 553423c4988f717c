"""A server under load, as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psutil

LISTENING = re.compile(r"listening on (http://\S+)")
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


class ServerProcess:
    """Starts a command, waits until it prints `listening on URL`, and stops it however the benchmark ends."""

    def __init__(
        self, command: Sequence[str], variables: Mapping[str, str] | None = None, descriptors: Sequence[int] = ()
    ) -> None:
        """Start it, with these variables beside ours, and these open files.

        Raises:
            RuntimeError: It ended, or said nothing, instead of listening.
        """
        self._log: list[str] = []
        self._listening = threading.Event()
        self.url = ""
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(variables or {})},
            pass_fds=descriptors,
        )
        threading.Thread(target=self._read, daemon=True).start()
        if not self._listening.wait(START_TIMEOUT_S) or not self.url:
            self.stop()
            raise RuntimeError(f"{' '.join(command)} does not listen:\n{''.join(self._log)}")

    def said(self, pattern: re.Pattern[str]) -> str:
        """The first group of a pattern in what it printed before it listened.

        Raises:
            RuntimeError: It printed nothing of the kind.
        """
        found = pattern.search("".join(self._log))
        if found is None:
            raise RuntimeError(f"nothing like {pattern.pattern} in:\n{''.join(self._log)}")
        return found[1]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 80)

    def cpu_seconds(self) -> float:
        """Processor time of the process and its children so far."""
        parent = psutil.Process(self._process.pid)
        times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
        return sum(spent.user + spent.system for spent in times)

    def own_cpu_seconds(self) -> float:
        """Processor time of the process alone."""
        spent = psutil.Process(self._process.pid).cpu_times()
        return float(spent.user + spent.system)

    def stop(self) -> None:
        """SIGTERM, and after a while SIGKILL."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        if self._process.stdout is None:
            return
        for line in self._process.stdout:
            self._log.append(line)
            match = LISTENING.search(line)
            if match:
                self.url = match[1]
                self._listening.set()
        self._listening.set()

    def __enter__(self) -> Self:
        """Already running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave no process behind."""
        self.stop()
