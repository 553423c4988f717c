"""What a shard's machine did so far, for whoever keeps metrics: plain numbers, read when somebody asks."""

from __future__ import annotations

import threading

COUNTED = {
    "drains": "Drains of the mailbox that were committed or proven, or failed at that.",
    "commits": "Commits that were applied.",
    "events": "Events in those commits.",
    "recoveries": "Entities read from the log.",
    "recovery_seconds": "Time that took, failures included.",
    "acquisitions": "Epochs acquired.",
    "acquisition_seconds": "Time that acquiring, and restoring the shard, took, failures included.",
    "passivations": "Entities that left memory.",
    "abandoned": "Sessions abandoned because they fell silent.",
}


class Counts:
    """Totals since the machine was made. Numbers are the machine's thread's to change, seconds anybody's."""

    __slots__ = (*COUNTED, "_adding")

    def __init__(self) -> None:
        self._adding = threading.Lock()
        self.drains = 0
        self.commits = 0
        self.events = 0
        self.recoveries = 0
        self.recovery_seconds = 0.0
        self.acquisitions = 0
        self.acquisition_seconds = 0.0
        self.passivations = 0
        self.abandoned = 0

    def add_seconds(self, name: str, seconds: float) -> None:
        """Add to one of `COUNTED`, from any thread."""
        with self._adding:
            setattr(self, name, self.get(name) + seconds)

    def get(self, name: str) -> float:
        """One of `COUNTED`."""
        value: float = getattr(self, name)
        return value
