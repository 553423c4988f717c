"""Calls that are due in a few milliseconds, and how many commits are in flight meanwhile: what a short wait needs."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from itertools import count

_LOG = logging.getLogger(__name__)


class Delays:
    """One thread that makes calls when they are due. They must be quick."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="kinelog-delays", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def later(self, wait_ms: int, call: Callable[[], None]) -> None:
        """Make a call in so many milliseconds."""
        with self._condition:
            heapq.heappush(self._due, (time.monotonic() + wait_ms / 1_000, next(self._order), call))
            self._condition.notify()

    def stop(self) -> None:
        """Stop the thread; what is not due yet is never called."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            try:
                call()
            except Exception:  # noqa: BLE001 - the thread must live
                # A shard that waits would wait for ever if another one's call ended this thread.
                _LOG.exception("a delayed call raised")

    def _next(self) -> Callable[[], None] | None:
        with self._condition:
            while not self._stopping:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._due)[2]
                self._condition.wait(wait_s)
            return None


class Busy:
    """How many shards of a region have a commit in flight. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._commits = 0

    @property
    def others(self) -> bool:
        """Whether any has, asked by one that has none."""
        return self._commits > 0

    def begin(self) -> None:
        """A commit is handed over."""
        with self._lock:
            self._commits += 1

    def end(self) -> None:
        """It was answered."""
        with self._lock:
            self._commits -= 1
