"""In which order a region's shards are acquired: a few at a time, those with waiting commands first."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from kinelog.actors.supervision import SupervisedShard


class Acquisitions:
    """Starts shards as earlier ones have come up, or have found that they cannot yet. Thread-safe."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._lock = threading.Lock()
        self._left: list[SupervisedShard] = []

    def begin(self, shards: Iterable[SupervisedShard]) -> None:
        """Start the first few."""
        self._left = list(shards)
        for _ in range(self._at_once):
            self.next()

    def next(self) -> None:
        """Start one more, if one is left."""
        with self._lock:
            if not self._left:
                return
            chosen = next((shard for shard in self._left if shard.mailbox.waiting), self._left[0])
            self._left.remove(chosen)
        chosen.start()

    def cancel(self) -> None:
        """Start no more."""
        with self._lock:
            self._left.clear()
