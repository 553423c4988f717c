"""The state machines behind one front door: which states a command needs, what it decides, what an event changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from kinelog.domain import commands as ask
from kinelog.domain.commands import Command
from kinelog.domain.decision import Decision
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import TENANT_PERSON, Person, session_of
from kinelog.domain.limits import Limits
from kinelog.domain.recording import decide_frames
from kinelog.domain.session import (
    decide_abandon,
    decide_delete,
    decide_end,
    decide_start,
    evolve_session,
    refused_reading,
)
from kinelog.domain.sets import decide_correct, decide_label
from kinelog.domain.states import SessionState, TenantState, UserState
from kinelog.domain.tenant import decide_tenant, evolve_tenant, refused_tenant
from kinelog.domain.user import decide_user, evolve_user, refused_person

__all__ = ["Decision", "State", "decide", "evolve", "initial", "needs"]

State = UserState | SessionState | TenantState
_S = TypeVar("_S", UserState, SessionState, TenantState)

# States never change, so that all streams without events share one.
_NO_USER = UserState()
_NO_SESSION = SessionState()
_NO_TENANT = TenantState()

_SESSION_ONLY = (ask.RecordFrames, ask.LabelSet, ask.CorrectSet, ask.ReadSession)
_USER_AND_SESSION = (ask.EndSession, ask.AbandonSession, ask.DeleteSession)


def initial(persistence_id: str) -> State:
    """The state of a stream that has no events."""
    if session_of(persistence_id) is not None:
        return _NO_SESSION
    return _NO_TENANT if persistence_id.endswith("/" + TENANT_PERSON) else _NO_USER


def needs(person: Person, command: Command, states: Mapping[str, State]) -> tuple[str, ...]:
    """Persistence ids that must be in `states` before `decide` is called, those already there included.

    Called again after loading until it asks for nothing new: starting a session needs the user, then the session, then
    the session that is open. What only concerns a session's frames and sets needs that session alone: a late frame must
    not load its user.
    """
    if isinstance(command, _SESSION_ONLY):
        return (person.session(command.session),)
    user_id = person.persistence_id
    if isinstance(command, _USER_AND_SESSION):
        return (user_id, person.session(command.session))
    if not isinstance(command, ask.StartSession):
        return (user_id,)
    session_id = person.session(command.session)
    user = states.get(user_id)
    if not isinstance(user, UserState) or user.open_session in {None, command.session}:
        return (user_id, session_id)
    return (user_id, session_id, person.session(str(user.open_session)))


def decide(person: Person, command: Command, states: Mapping[str, State], limits: Limits) -> Decision | Rejection:
    """Decide a command against the states it needs. Pure: equal arguments, equal answer.

    A `Rejection` stores nothing. A frame that is refused by itself is not a rejection of the command: it is an outcome
    in `FramesRecorded` (and, where it is kept aside, an event).

    Raises:
        TypeError: A command that nobody decides, or a state of another kind than the command is for: a defect of the
            caller.
        KeyError: A state that the command needs is not there: a defect of the caller.
    """
    if isinstance(command, ask.RecordFrames):
        stream = person.session(command.session)
        return decide_frames(stream, command, _state(states, stream, SessionState), limits)
    if isinstance(command, ask.QUERIES):
        return _answer(person, command, states)
    if isinstance(command, ask.SESSION_COMMANDS):
        return _decide_session(person, command, states, limits)
    if isinstance(command, ask.PERSON_COMMANDS):
        return decide_user(person, command, _state(states, person.persistence_id, UserState), limits)
    stream = person.persistence_id
    return decide_tenant(stream, command, _state(states, stream, TenantState), limits)


def _state(states: Mapping[str, State], persistence_id: str, kind: type[_S]) -> _S:
    state = states[persistence_id]
    if not isinstance(state, kind):
        message = f"{persistence_id} has a {type(state).__name__}, the command needs a {kind.__name__}"
        raise TypeError(message)
    return state


def _decide_session(
    person: Person, command: Command, states: Mapping[str, State], limits: Limits
) -> Decision | Rejection:
    if isinstance(command, ask.LabelSet | ask.CorrectSet):
        stream = person.session(command.session)
        session = _state(states, stream, SessionState)
        if isinstance(command, ask.LabelSet):
            return decide_label(stream, command, session, limits)
        return decide_correct(stream, command, session)
    return _decide_life(person, command, states, limits)


def _decide_life(person: Person, command: Command, states: Mapping[str, State], limits: Limits) -> Decision | Rejection:
    user = _state(states, person.persistence_id, UserState)
    match command:
        case ask.StartSession():
            session = _state(states, person.session(command.session), SessionState)
            before = None
            if user.open_session is not None:
                before = _state(states, person.session(user.open_session), SessionState)
            return decide_start(person, command, user, session, before, limits)
        case ask.EndSession():
            session = _state(states, person.session(command.session), SessionState)
            return decide_end(person, command, user, session, limits)
        case ask.AbandonSession():
            session = _state(states, person.session(command.session), SessionState)
            return decide_abandon(person, command, user, session, limits)
        case ask.DeleteSession():
            return decide_delete(person, command, user, _state(states, person.session(command.session), SessionState))
        case _:
            message = f"{type(command).__name__} is not a command about a session's life"
            raise TypeError(message)


def _answer(person: Person, command: Command, states: Mapping[str, State]) -> Decision | Rejection:
    state: State
    if isinstance(command, ask.ReadSession):
        state = _state(states, person.session(command.session), SessionState)
        refused = refused_reading(state)
    elif isinstance(command, ask.ReadUser):
        state = _state(states, person.persistence_id, UserState)
        refused = refused_person(state)
    else:
        state = _state(states, person.persistence_id, TenantState)
        refused = refused_tenant(state)
    return Decision((), state) if refused is None else refused


def evolve(state: State, event: Event) -> State:
    """The state after an event. Total over the events of the state's own kind of stream: nothing stored is refused.

    Raises:
        TypeError: An event of another kind of stream: a defect of the caller.
    """
    if isinstance(state, SessionState):
        return evolve_session(state, event)
    if isinstance(state, UserState):
        return evolve_user(state, event)
    return evolve_tenant(state, event)
