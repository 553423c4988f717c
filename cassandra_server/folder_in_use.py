"""A folder of servers' data that one process uses at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TextIO


class FolderInUse:
    """Held from `take` to `leave`, or until the process ends, however it does."""

    def __init__(self, folder: Path) -> None:
        """Nothing is held yet."""
        self._folder = folder
        self._lock: TextIO | None = None

    def take(self) -> bool:
        """Hold it, making it if need be; False where another process does."""
        if self._lock is not None:
            return True
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = (self._folder / "in-use.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def leave(self) -> None:
        """Let others use it. Nothing, if it is not held."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
