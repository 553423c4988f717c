"""Until when this process may speak for its shards: nobody else can have been told before that it is gone.

The fence keeps a process that lost its shards from writing; it cannot keep one from *saying* what it wrote before. A
process that stood still between the two wakes up with an acknowledgement that may be minutes old. So answers are looked
at once more where they leave, and past the lease nothing but "lost" leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from kinelog.actors.answers import Answer, Unavailable

LOST = Unavailable("lost")

Addressee = TypeVar("Addressee")


class Lease:
    """Asked on every thread, once for a batch of answers."""

    __slots__ = ("_now_s", "_until_s")

    def __init__(self, until_s: Callable[[], float], now_s: Callable[[], float] = time.monotonic) -> None:
        """Ask `until_s` how long it holds, on the same clock as `now_s` (seconds)."""
        self._until_s = until_s
        self._now_s = now_s

    @property
    def over(self) -> bool:
        """Whether somebody else may have been told that this process is gone."""
        return self._now_s() > self._until_s()

    def allowed(self, answers: list[tuple[Addressee, Answer]]) -> list[tuple[Addressee, Answer]]:
        """What may be said now: the answers, or past the lease "lost" in the place of each that speaks of the log."""
        if not self.over:
            return answers
        return [(whom, answer if type(answer) is Unavailable else LOST) for whom, answer in answers]


def without_end() -> float:
    """The lease of a process that nobody else could take a shard from."""
    return float("inf")
