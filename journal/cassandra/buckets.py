"""Where the buckets of one shard begin: what a process has seen of it, which can never change again."""

from __future__ import annotations

from bisect import bisect_left


class KnownBuckets:
    """Starts of buckets that exist. Thread-safe in that a lost update only costs a read.

    Buckets are numbered without gaps from 0 and each begins where the one before it ended, so what is known of some
    brackets every other one.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self._known: tuple[tuple[int, int], ...] = ()  # (start, bucket), both ascending

    @property
    def newest(self) -> int:
        """The newest bucket that was seen; 0 if none was."""
        known = self._known
        return known[-1][1] if known else 0

    def add(self, bucket: int, start: int) -> None:
        """Remember a bucket that exists."""
        known = self._known
        if (start, bucket) not in known[-1:]:
            at = bisect_left(known, (start, bucket))
            if known[at : at + 1] != ((start, bucket),):
                self._known = (*known[:at], (start, bucket), *known[at:])

    def around(self, position: int) -> tuple[int, int | None]:
        """The last known bucket that begins before a position (0 if none), and the first known one that does not."""
        known = self._known
        at = bisect_left(known, (position, 0))
        return (known[at - 1][1] if at else 0), (known[at][1] if at < len(known) else None)

    def end_of(self, bucket: int) -> int | None:
        """Last position of a bucket; None if no later one is known."""
        known = self._known
        at = bisect_left(known, bucket + 1, key=lambda entry: entry[1])
        return known[at][0] if at < len(known) and known[at][1] == bucket + 1 else None
