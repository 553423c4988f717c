"""Whom a request is about: the person that the path names, that the token is bound to, or that holds the session."""

from __future__ import annotations

from kinelog.api.call import Call
from kinelog.api.parameters import USER_PATTERN, matching, session_id
from kinelog.api.principal import Principal
from kinelog.api.problems import ProblemError
from kinelog.domain.commands import ReadUser
from kinelog.domain.identifiers import Person
from kinelog.domain.states import UserState
from kinelog.domain.values import Purpose, Role


async def person_named(call: Call) -> Person:
    """The person that `{user}` in the path names.

    Raises:
        ProblemError: `user-unknown`, also when a device asks for anybody but its own person: it must not learn who
            else exists.
    """
    name = matching("user", call.part("user"), USER_PATTERN)
    tenant = call.principal.tenant
    pseudonym = await call.context.blocking(call.context.services.keys.pseudonym, tenant, name)
    if pseudonym is None or (call.principal.role is Role.DEVICE and pseudonym != call.principal.person):
        raise ProblemError("user-unknown")
    return Person(tenant, pseudonym)


async def holder(call: Call) -> tuple[Person, str]:
    """The person whose session the path names, and the session's id.

    A device's token says whose; an operator names the user in the path, or the views say who holds the id.

    Raises:
        ProblemError: `session-unknown`, `ambiguous-session` (use the route that names the user).
    """
    session = session_id(call.part("session"))
    if "user" in call.request.match_info:
        return await person_named(call), session
    myself = call.principal.myself
    if myself is not None:
        return myself, session
    await call.await_position()  # before the views are asked who holds the session, or a fresh one is not found
    tenant = call.principal.tenant
    rows = await call.context.blocking(call.context.services.read_side.session, tenant, session)
    if not rows:
        raise ProblemError("session-unknown")
    if len(rows) > 1:
        raise ProblemError("ambiguous-session", "Use /v1/users/{user}/sessions/{session}.")
    return Person(tenant, rows[0].person), session


async def consented_holder(call: Call) -> tuple[Person, str]:
    """As `holder`; a trainer needs the person's consent.

    Raises:
        ProblemError: As `holder`; `consent-needed`.
    """
    person, session = await holder(call)
    await need_consent(call, person)
    return person, session


async def need_consent(call: Call, person: Person) -> None:
    """Let a trainer see somebody's training only if they consent to it; others are not concerned.

    Raises:
        ProblemError: `consent-needed`.
    """
    if call.principal.role is not Role.TRAINER:
        return
    if Purpose.TRAINER_ACCESS not in (await user_state(call, person)).consents:
        raise ProblemError("consent-needed", "The person has not consented to trainers seeing their training.")


async def user_state(call: Call, person: Person) -> UserState:
    """The person's state.

    Raises:
        ProblemError: `user-unknown`.
    """
    state = (await call.ask(person, ReadUser(at_ms=call.now_ms, by=call.principal.by))).reply
    if not isinstance(state, UserState):
        raise TypeError("ReadUser answered something else")
    if state.registered_at_ms is None:
        raise ProblemError("user-unknown")
    return state


def sees_names(principal: Principal) -> bool:
    """Whether answers name people to this bearer: engineers work without knowing who."""
    return principal.role is not Role.ENGINEER
