"""What a node asks of the store that holds the log: one interface, whichever store a run has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from kinelog.actors import effects
from kinelog.actors.messages import Message
from kinelog.actors.recovery import Recoverer
from kinelog.journal.port import Journal

SHARD = 0

LogEffect = effects.Acquire | effects.Commit | effects.Judge | effects.ProveOwnership
Done = Callable[[Message], None]


class NodeStore(ABC):
    """One node's way to the log. What it knows, it knows for one life of the node.

    Attributes:
        journal: For what the node reads, and for its snapshots.
        recoverer: Reads entities from it.
    """

    journal: Journal
    recoverer: Recoverer

    def in_background(self, work: Callable[[], None]) -> None:
        """Do something that waits for the store, beside everything else: at once, or when there is room for it."""
        work()

    @abstractmethod
    def perform(self, effect: LogEffect, owner: str, done: Done) -> None:
        """Do something in the log after a while, and say after another what became of it.

        Args:
            effect: What the machine wants.
            owner: Node and life, for the history.
            done: Called at most once; never if the node's life ends first.
        """
