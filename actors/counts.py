"""What a shard's machine did so far, for whoever keeps metrics: plain numbers, read when somebody asks."""

from __future__ import annotations

COUNTED = {
    "drains": "Drains of the mailbox that were committed or proven, or failed at that.",
    "commits": "Commits that were applied.",
    "events": "Events in those commits.",
    "recoveries": "Entities read from the log.",
    "passivations": "Entities that left memory.",
    "abandoned": "Sessions abandoned because they fell silent.",
}


class Counts:
    """Totals since the machine was made."""

    __slots__ = tuple(COUNTED)

    def __init__(self) -> None:
        self.drains = 0
        self.commits = 0
        self.events = 0
        self.recoveries = 0
        self.passivations = 0
        self.abandoned = 0

    def get(self, name: str) -> int:
        """One of `COUNTED`."""
        value: int = getattr(self, name)
        return value
