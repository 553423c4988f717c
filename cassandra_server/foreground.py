"""A program that keeps servers until it is told to end, or for as long as a command of the caller's runs."""

from __future__ import annotations

import signal
import subprocess
import threading
from types import FrameType

INTERRUPTED = 130


class Foreground:
    """SIGINT and SIGTERM: break off a start; later, noted and passed on to the command that runs."""

    def __init__(self) -> None:
        """From now on this has the process's signals."""
        self._seen = threading.Event()
        self._starting = True
        self._command: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def only_note(self) -> None:
        """From now on nothing is broken off: what runs is to be ended in good order."""
        self._starting = False

    def wait(self) -> int:
        """Wait for a signal."""
        self._seen.wait()
        return 0

    def run(self, command: list[str]) -> int:
        """Run a command to its end, and give its exit code.

        Raises:
            OSError: It cannot be run.
        """
        running = subprocess.Popen(command)
        self._command = running
        if self._seen.is_set():  # it came before there was anybody to pass it on to
            running.terminate()
        return running.wait() % 256

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        first = not self._seen.is_set()
        self._seen.set()
        if self._starting:
            raise KeyboardInterrupt
        # Ctrl-C in a terminal reaches the command by itself; a second signal would cut its clean end short.
        if self._command is not None and (number == signal.SIGTERM or not first):
            self._command.send_signal(number)
