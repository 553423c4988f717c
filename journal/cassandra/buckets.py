"""Where the buckets of one shard begin: what a process has seen of it, which can never change again."""

from __future__ import annotations

from bisect import bisect_left, insort


class KnownBuckets:
    """Starts of buckets that exist. Not thread-safe on its own; a lost update only costs a read.

    Buckets are numbered without gaps from 0 and each begins where the one before it ended, so what is known of some
    brackets every other one.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self._buckets: list[int] = []
        self._starts: dict[int, int] = {}

    @property
    def newest(self) -> int:
        """The newest bucket that was seen; 0 if none was."""
        return self._buckets[-1] if self._buckets else 0

    def add(self, bucket: int, start: int) -> None:
        """Remember a bucket that exists."""
        if self._starts.setdefault(bucket, start) == start and bucket not in self._buckets[-1:]:
            at = bisect_left(self._buckets, bucket)
            if self._buckets[at : at + 1] != [bucket]:
                insort(self._buckets, bucket)

    def around(self, position: int) -> tuple[int, int | None]:
        """The last known bucket that begins before a position (0 if none), and the first known one that does not."""
        at = bisect_left(self._buckets, position, key=self._starts.__getitem__)
        return (
            self._buckets[at - 1] if at else 0,
            self._buckets[at] if at < len(self._buckets) else None,
        )
