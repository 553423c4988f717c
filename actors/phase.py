"""What a shard's machine waits for."""

from __future__ import annotations

from enum import Enum, auto


class Phase(Enum):
    """What the machine waits for."""

    NEW = auto()
    ACQUIRING = auto()
    RESTORING = auto()
    READY = auto()
    GATHERING = auto()
    COMMITTING = auto()
    PROVING = auto()
    FORGETTING = auto()
    TAKING_NEW_EPOCH = auto()
    JUDGING = auto()
    BACKING_OFF = auto()
    RELEASED = auto()


SERVING = frozenset({Phase.READY, Phase.GATHERING, Phase.COMMITTING, Phase.PROVING, Phase.FORGETTING})
