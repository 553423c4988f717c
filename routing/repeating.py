"""What may be asked a second time. Pure.

Where it is proved that nothing was stored, anything may. Where it is not known, only what finds out by itself whether
it was: frames, which their keys name, and readings, which store nothing. Any other command would be stored twice, or be
refused for what its own first form did; whoever asked is told that the outcome is not known.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from kinelog.actors.answers import REPEATABLE
from kinelog.domain.commands import QUERIES, Command, RecordFrames

UNREACHABLE = "unreachable"
"""Reason: no node that owns the shard could be asked; nothing was stored."""

NOTHING_STORED = REPEATABLE | {UNREACHABLE, "expired"}
FINDS_OUT = (RecordFrames, *QUERIES)
"""Commands that may be asked again whatever became of them."""
UNKNOWN_REASONS = frozenset({"outcome-unknown", "lost"})

FIRST_PAUSE_S = 0.010
LONGEST_PAUSE_S = 0.100


def may_repeat(command: Command, reason: str) -> bool:
    """Whether a command that was answered `Unavailable(reason)` may be asked again by us."""
    if reason in NOTHING_STORED:
        return True
    return reason in UNKNOWN_REASONS and isinstance(command, FINDS_OUT)


def pauses() -> Iterator[float]:
    """Seconds to wait before each repetition: growing, and apart from those of others."""
    pause = FIRST_PAUSE_S
    while True:
        yield pause * random.uniform(0.75, 1.0)  # noqa: S311 - no secret
        pause = min(2 * pause, LONGEST_PAUSE_S)
