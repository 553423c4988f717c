"""Where a shard stands on its way from one process to another, as one of them sees it."""

from __future__ import annotations

from enum import Enum, auto

from kinelog.actors.membership.port import Member


class Stage(Enum):
    """Where a shard stands with this process."""

    AWAY = auto()
    """Not ours."""
    WAITING = auto()
    """Ours by the view; its last owner has not been asked yet, for there are others to be asked."""
    ASKING = auto()
    """Ours by the view; its last owner was asked to let go."""
    OURS = auto()
    """Served, or on its way to be."""
    LEAVING = auto()
    """Somebody else's by the view; served until that one asks."""
    LETTING_GO = auto()
    """Finishes what is in flight."""
    GIVEN = auto()
    """Ours by the view, but somebody asked for it, whose view must be another: one of the two is old."""


HELD = frozenset({Stage.OURS, Stage.LEAVING, Stage.LETTING_GO})


class MovedShard:
    """One shard: where it stands, since when, and the last owner while that one is waited for."""

    __slots__ = ("asked", "holder", "number", "since_ms", "stage")

    def __init__(self) -> None:
        """Not ours."""
        self.stage = Stage.AWAY
        self.holder: Member | None = None
        self.since_ms = 0
        self.number = 0
        self.asked = False

    def enter(self, stage: Stage, now_ms: int) -> None:
        """Go on to a stage; answers to what was asked for in earlier ones are void."""
        self.stage = stage
        self.since_ms = now_ms
        self.number += 1
