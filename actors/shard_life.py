"""What a supervised shard is doing, and what there is to be said of it to an operator."""

from __future__ import annotations

from enum import Enum, auto

import msgspec
from kinelog.actors.phase import SERVING


class Life(Enum):
    """What a supervised shard is doing."""

    AWAY = auto()
    """Not ours."""
    QUEUED = auto()
    """Ours; waits for its turn to be acquired, and takes commands already."""
    RUNNING = auto()
    """A machine serves it, or is about to."""
    DOWN = auto()
    """Its machine crashed; it starts again in a moment."""
    LEAVING = auto()
    """Finishes what is in flight, and takes nothing new."""
    STOPPED = auto()
    """The process goes away."""


_SERVING = frozenset(phase.name.lower() for phase in SERVING)


class ShardStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A shard, as one process sees it.

    Attributes:
        shard: Its number.
        assigned: Whether this process is to serve it.
        phase: What its machine waits for, in lower case (`ready`, `committing` …); without one what became of it
            (`away`, `queued`, `down`, `leaving`, `stopped`).
        epoch: The epoch that this process holds, 0 for none.
        head: The log's last position, as far as this process knows.
        mailbox: Commands taken and not answered.
        residents: Entities in memory.
        restarts: Crashes of its machine.
        moves: How often it came to this process.
    """

    shard: int
    assigned: bool
    phase: str
    epoch: int
    head: int
    mailbox: int
    residents: int
    restarts: int
    moves: int

    @property
    def serving(self) -> bool:
        """Whether commands are decided and answered here."""
        return self.phase in _SERVING
