"""Whether a shard waits a moment after a commit, so that the next one carries more.

While a commit is in flight everything that arrives gathers for the next: that alone adapts to the load. But those whom
the commit answered come back just after it, when the next one, with the few that were there, has left already; with
many shards busy the store then makes twice as many commits for the same events. So a shard waits for a share of what
its commits take, at most until as many have come as were there before, and not at all where that was seen not to help.
"""

from __future__ import annotations

MOST_PASSED_OVER = 64
WORTH = 4
"""A wait was worth it if it brought a quarter more."""


class Gathering:
    """The decision, for one shard. Knows no clock: it is told how long things took."""

    def __init__(self, share: float, limit_ms: int) -> None:
        """Wait for at most `share` of a commit's time, and at most `limit_ms`; never if the share is 0."""
        self._share = share
        self._limit_ms = limit_ms
        self._expected = 0
        self._at_first = 0
        self._pass_over = 0
        self._passed_over = 0

    def after_commit(self, answered: int, waiting: int, took_ms: int) -> int:
        """How long to wait for the next drain, in ms; 0 to go on at once.

        Args:
            answered: Commands that the commit answered.
            waiting: Commands that came meanwhile.
            took_ms: What the commit took.
        """
        wait_ms = min(int(took_ms * self._share), self._limit_ms)
        if wait_ms < 1 or answered <= 1:
            return 0
        if self._passed_over < self._pass_over:
            self._passed_over += 1
            return 0
        self._expected = answered + waiting
        self._at_first = waiting
        return wait_ms

    def enough(self, waiting: int) -> bool:
        """Whether nobody more is expected."""
        return waiting >= self._expected

    def ended(self, waiting: int) -> None:
        """Learn from a wait that is over."""
        self._passed_over = 0
        if waiting - self._at_first >= max(1, self._at_first // WORTH):
            self._pass_over = 0
        else:
            self._pass_over = min(max(1, self._pass_over * 2), MOST_PASSED_OVER)
