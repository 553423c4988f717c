"""The front door: which states a command needs, who decides it, and what is a defect of the caller."""

from __future__ import annotations

import pytest
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.decider import State, decide, evolve, initial, needs
from kinelog.domain.limits import DEFAULT_LIMITS
from kinelog.domain.states import SessionState, TenantState, UserState
from kinelog.domain.values import Profile, Source

from tests.domain.ledger import CURL, MORNING, PERSON, TENANT, Ledger, frame, session_id

SESSION = session_id(1)
STREAM = PERSON.session(SESSION)
USER = PERSON.persistence_id


@pytest.mark.parametrize(
    ("persistence_id", "state"), [(USER, UserState()), (STREAM, SessionState()), ("acme/@", TenantState())]
)
def test_a_stream_without_events_is_known_by_its_name(persistence_id: str, state: State) -> None:
    assert initial(persistence_id) == state


@pytest.mark.parametrize(
    "command",
    [
        ask.RecordFrames(at_ms=MORNING, session=SESSION, frames=(frame(0),)),
        ask.LabelSet(at_ms=MORNING, session=SESSION, start_ms=0, end_ms=1, label=CURL, source=Source.DEVICE),
        ask.CorrectSet(at_ms=MORNING, session=SESSION, number=1, version=1, label=CURL),
        ask.ReadSession(at_ms=MORNING, session=SESSION),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_late_frame_or_label_does_not_load_its_user(command: ask.Command) -> None:
    assert needs(PERSON, command, {}) == (STREAM,)


def test_a_start_needs_the_user_then_the_session_that_is_open(ledger: Ledger) -> None:
    command = ask.StartSession(at_ms=MORNING, session=session_id(2), started_at_ms=MORNING)
    assert needs(PERSON, command, {}) == (USER, PERSON.session(session_id(2)))
    assert needs(PERSON, command, {USER: ledger.user()}) == (USER, PERSON.session(session_id(2)), STREAM)
    again = ask.StartSession(at_ms=MORNING, session=SESSION, started_at_ms=MORNING)
    assert needs(PERSON, again, {USER: ledger.user()}) == (USER, STREAM)


@pytest.mark.parametrize("kind", [ask.EndSession, ask.AbandonSession, ask.DeleteSession])
def test_closing_a_session_needs_its_user(
    kind: type[ask.EndSession | ask.AbandonSession | ask.DeleteSession],
) -> None:
    assert needs(PERSON, kind(at_ms=MORNING, session=SESSION), {}) == (USER, STREAM)


def test_all_commands_are_decided_or_refused_but_never_unknown(ledger: Ledger) -> None:
    ledger.do(ask.CreateTenant(at_ms=MORNING, name="Acme"), TENANT)
    for kind in ask.PERSON_COMMANDS + ask.SESSION_COMMANDS + ask.TENANT_COMMANDS + ask.QUERIES:
        assert issubclass(kind, ask.Command)
    for kind in ask.PERSON_COMMANDS:
        with pytest.raises(TypeError, match="the command needs a UserState"):
            decide(TENANT, _any(kind), {TENANT.persistence_id: ledger.tenant()}, DEFAULT_LIMITS)
    for kind in ask.TENANT_COMMANDS:
        with pytest.raises(TypeError, match="the command needs a TenantState"):
            decide(PERSON, _any(kind), {USER: ledger.user()}, DEFAULT_LIMITS)


def _any(kind: type[ask.Command]) -> ask.Command:
    """A command of this kind whose content does not matter."""
    contents: dict[str, object] = {"at_ms": MORNING, "profile": Profile()}
    given = {name: contents.get(name) for name in kind.__struct_fields__}
    return kind(**given)  # type: ignore[arg-type]


def test_a_command_that_nobody_knows_is_a_defect(ledger: Ledger) -> None:
    class Unheard(ask.Command, frozen=True, kw_only=True):
        """Nobody decides this."""

    ledger.do(ask.CreateTenant(at_ms=MORNING, name="Acme"), TENANT)
    with pytest.raises(TypeError, match="Unheard"):
        decide(TENANT, Unheard(at_ms=MORNING), ledger.states, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (UserState(), did.SessionDeleted(at_ms=1)),
        (SessionState(), did.UserRegistered(at_ms=1)),
        (TenantState(), did.UserRegistered(at_ms=1)),
    ],
)
def test_an_event_of_another_stream_is_a_defect(state: State, event: did.Event) -> None:
    with pytest.raises(TypeError, match="is not an event of"):
        evolve(state, event)
