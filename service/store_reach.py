"""Whether this process reaches the log, as looks at it say. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreReach:
    """What the last looks had in common; nothing before the first one.

    Attributes:
        failing_since_s: When the first of the looks that failed began, if the last one failed.
        answering_since_s: When the first of the looks that were answered began, if the last one was.
    """

    failing_since_s: float | None = None
    answering_since_s: float | None = None

    @property
    def answers(self) -> bool | None:
        """Whether the last look was answered; None before there was one."""
        if self.failing_since_s is None and self.answering_since_s is None:
            return None
        return self.answering_since_s is not None

    def heard(self, asked_s: float, *, answered: bool) -> StoreReach:
        """After one more look, which began then: one that hangs counts from where it began to hang."""
        if answered:
            since = asked_s if self.answering_since_s is None else self.answering_since_s
            return StoreReach(answering_since_s=since)
        return StoreReach(failing_since_s=asked_s if self.failing_since_s is None else self.failing_since_s)

    def away(self, now_s: float, for_s: float) -> bool:
        """Whether every look failed for so long: one that is answered between others begins the count anew."""
        return self.failing_since_s is not None and now_s - self.failing_since_s >= for_s

    def back(self, now_s: float, for_s: float) -> bool:
        """Whether every look was answered for so long."""
        return self.answering_since_s is not None and now_s - self.answering_since_s >= for_s
