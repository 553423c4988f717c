"""Simulated time: what is due next happens next, and equal times in the order in which they were asked for."""

from __future__ import annotations

import heapq
from collections.abc import Callable

START_MS = 1_700_000_000_000


class Clockwork:
    """A heap of things to do."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._asked = 0

    def later(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Do something after a while."""
        self._asked += 1
        heapq.heappush(self._due, (self.now_ms + delay_ms, self._asked, action))

    def run_until(self, time_ms: int) -> None:
        """Let time go by. What happens then may let time go by itself, while it waits for something."""
        due = self._due
        while due and due[0][0] <= time_ms:
            at_ms, _, action = heapq.heappop(due)
            self.now_ms = max(self.now_ms, at_ms)
            action()
        self.now_ms = max(self.now_ms, time_ms)
