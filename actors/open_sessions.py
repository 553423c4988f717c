"""A shard's own list of open sessions with their last activity: how silent ones are found after passivation and moves.

It is a fold over the clear part of the log (stream, type, time), so restoring it opens no payload and needs no key.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from kinelog.domain import events

OPENING = events.SessionStarted.__name__
CLOSING = frozenset(
    {events.SessionEnded.__name__, events.SessionAbandoned.__name__, events.SessionDeleted.__name__},
)
ERASING = events.UserErased.__name__


class OpenSessions:
    """Session stream → last activity in Unix ms, the longest silent first."""

    __slots__ = ("_sessions",)

    def __init__(self, sessions: dict[str, int] | None = None) -> None:
        """Start from a list, in any order."""
        self._sessions = dict(sorted((sessions or {}).items(), key=lambda entry: entry[1]))

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sessions)

    def apply(self, entity: str, type_name: str, at_ms: int) -> None:
        """Fold one event of the shard's log."""
        if type_name in CLOSING:
            self._sessions.pop(entity, None)
        elif type_name == ERASING:
            prefix = entity + "/"
            for session in [session for session in self._sessions if session.startswith(prefix)]:
                del self._sessions[session]
        elif type_name == OPENING or entity in self._sessions:
            self._move(entity, at_ms)

    def silent(self, since_ms: int) -> list[str]:
        """Sessions without activity after `since_ms`, the longest silent first."""
        return [entity for entity, _ in takewhile(lambda entry: entry[1] <= since_ms, self._sessions.items())]

    def postpone(self, entity: str, at_ms: int) -> None:
        """Look at a session again a whole silence later: the state machine knew better than this list."""
        if entity in self._sessions:
            self._move(entity, at_ms)

    def as_dict(self) -> dict[str, int]:
        """A copy, for a snapshot."""
        return dict(self._sessions)

    def _move(self, entity: str, at_ms: int) -> None:
        # Taken out and put in again, so that the order of the dictionary stays the order of activity. Commands overtake
        # each other on their way, and activity never goes back: the state machine's own record does not either.
        self._sessions[entity] = max(self._sessions.pop(entity, at_ms), at_ms)
