"""In which order a region's shards are acquired: a few at a time, those with waiting commands first."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from kinelog.actors.shard_presence import ShardPresence


class Acquisitions:
    """Starts shards as earlier ones have come up, or have found that they cannot yet. Thread-safe."""

    def __init__(self, at_once: int) -> None:
        """Start at most so many at a time."""
        self._at_once = at_once
        self._lock = threading.Lock()
        self._left: list[ShardPresence] = []
        self._under_way: set[ShardPresence] = set()

    def add(self, shards: Iterable[ShardPresence]) -> None:
        """Have these started when it is their turn."""
        with self._lock:
            self._left += [shard for shard in shards if shard not in self._left]
        self._start_more()

    def ended(self, shard: ShardPresence) -> None:
        """A shard came up, could not, or is not to any more: the next may start."""
        with self._lock:
            self._under_way.discard(shard)
        self._start_more()

    def cancel(self) -> None:
        """Start no more."""
        with self._lock:
            self._left.clear()

    def _start_more(self) -> None:
        while (shard := self._next()) is not None:
            if not shard.start():  # it went elsewhere before its turn came
                with self._lock:
                    self._under_way.discard(shard)

    def _next(self) -> ShardPresence | None:
        with self._lock:
            left = [shard for shard in self._left if shard not in self._under_way]
            if not left or len(self._under_way) >= self._at_once:
                return None
            chosen = next((shard for shard in left if shard.mailbox.waiting), left[0])
            self._left.remove(chosen)
            self._under_way.add(chosen)
            return chosen
