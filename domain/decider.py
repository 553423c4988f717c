"""The state machines behind one front door: which states a command needs, what it decides, what an event changes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from kinelog.domain.commands import Command
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person
from kinelog.domain.limits import Limits
from kinelog.domain.states import SessionState, TenantState, UserState

State = UserState | SessionState | TenantState


class Decision(msgspec.Struct, frozen=True):
    """What a command decides.

    Attributes:
        events: `(persistence id, event)` in order; all of one person. Empty when nothing changes.
        reply: A value of `domain/replies.py`, or a state for a query.
    """

    events: tuple[tuple[str, Event], ...]
    reply: object


def initial(persistence_id: str) -> State:
    """The state of a stream that has no events."""
    raise NotImplementedError


def needs(person: Person, command: Command, states: Mapping[str, State]) -> tuple[str, ...]:
    """Persistence ids that must be in `states` before `decide` is called, those already there included.

    Called again after loading until it asks for nothing new: starting a session needs the user, then the session, then
    the session that is open.
    """
    raise NotImplementedError


def decide(person: Person, command: Command, states: Mapping[str, State], limits: Limits) -> Decision | Rejection:
    """Decide a command against the states it needs. Pure: equal arguments, equal answer.

    A `Rejection` stores nothing. A frame that is refused by itself is not a rejection of the command: it is an outcome
    in `FramesRecorded` (and, where it is kept aside, an event).
    """
    raise NotImplementedError


def evolve(state: State, event: Event) -> State:
    """The state after an event. Total: never refuses what was stored."""
    raise NotImplementedError
