"""What became of questions to other nodes: plain numbers, read when somebody asks for metrics."""

from __future__ import annotations

from kinelog.routing.answers import (
    AcceptedAnswer,
    ElsewhereAnswer,
    ErasedAnswer,
    FullAnswer,
    RefusedAnswer,
    UnavailableAnswer,
)

BROKEN = "broken"
"""The connection ended after sending: the question may have arrived."""

UNREACHABLE = "unreachable"
FULL = "mailbox-full"
ANSWERED = "answered"

OUTCOMES: dict[type[object], str] = {
    RefusedAnswer: ANSWERED,
    ErasedAnswer: ANSWERED,
    UnavailableAnswer: "unavailable",
    FullAnswer: FULL,
    ElsewhereAnswer: "not-owner",
}


class ForwardingCounts:
    """Of one router, on its event loop; read from any thread."""

    __slots__ = ("_failed", "_replies", "repeated")

    def __init__(self) -> None:
        """Nothing happened yet."""
        self._replies: dict[type[object], int] = {}
        self._failed: dict[str, int] = {}
        self.repeated = 0

    def replied(self, reply: object) -> None:
        """Another node answered."""
        kind = type(reply)
        self._replies[kind] = self._replies.get(kind, 0) + 1

    def failed(self, outcome: str) -> None:
        """No answer came."""
        self._failed[outcome] = self._failed.get(outcome, 0) + 1

    def by_outcome(self) -> dict[str, int]:
        """How many came to what."""
        counts = dict(self._failed)
        for kind, number in list(self._replies.items()):
            outcome = ANSWERED if issubclass(kind, AcceptedAnswer) else OUTCOMES.get(kind, "other")
            counts[outcome] = counts.get(outcome, 0) + number
        return counts
