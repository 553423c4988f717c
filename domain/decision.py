"""What a state machine answers to an accepted command."""

from __future__ import annotations

import msgspec
from kinelog.domain.events import Event
from kinelog.domain.states import SessionState


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What a command decides.

    Attributes:
        events: `(persistence id, event)` in order; all of one person. Empty when nothing changes.
        reply: A value of `domain/replies.py`, or a state for a query. In one case a `Rejection`: showing a refresh
            token that is used up is refused, and yet revokes the token, which is an event.
        evolved: The state after all events, where deciding had to work it out and they are all of one stream; else
            None, and whoever wants it evolves it.
    """

    events: tuple[tuple[str, Event], ...]
    reply: object
    evolved: SessionState | None = None
