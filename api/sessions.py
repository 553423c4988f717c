"""A session's life: started, ended, given up, deleted."""

from __future__ import annotations

from aiohttp import web
from kinelog.actors.answers import Accepted
from kinelog.api.call import Call
from kinelog.api.documents import Written
from kinelog.api.json_body import json_response
from kinelog.api.parameters import session_id
from kinelog.api.positions import token_of
from kinelog.api.problems import ProblemError
from kinelog.api.requests import AbandonSessionRequest, EndSessionRequest, StartSessionRequest
from kinelog.api.whose import holder, person_named
from kinelog.domain.commands import AbandonSession, DeleteSession, EndSession, StartSession
from kinelog.domain.replies import Done


def written(accepted: Accepted, created: int = 200) -> web.Response:
    """The answer to a write that answers `Done`: `created` where it changed something, 200 where it held already."""
    reply = accepted.reply
    if not isinstance(reply, Done):
        raise TypeError("the command answered something else")
    answer = Written(changed=reply.changed, position=token_of(accepted.at))
    return json_response(answer, created if reply.changed else 200)


async def start_session(call: Call) -> web.StreamResponse:
    """Start a session under the phone's own id."""
    session = session_id(call.part("session"))
    body = await call.body(StartSessionRequest)
    if "user" in call.request.match_info:
        person = await person_named(call)
    elif call.principal.myself is not None:
        person = call.principal.myself
    else:
        detail = "An operator starts a session at /v1/users/{user}/sessions/{session}."
        raise ProblemError("bad-request", detail)
    command = StartSession(
        at_ms=call.now_ms, by=call.principal.by, session=session, started_at_ms=body.started_at_ms, gym=body.gym,
        plan=body.plan, groups=body.groups, intensity=body.intensity,
    )  # fmt: skip
    return written(await call.ask(person, command), 201)


async def end_session(call: Call) -> web.StreamResponse:
    """End a session; refused with the missing ranges unless all frames came or `final` says that they never will."""
    person, session = await holder(call)
    body = await call.body_or_empty(EndSessionRequest)
    command = EndSession(
        at_ms=call.now_ms, by=call.principal.by, session=session, frames=body.frames, final=body.final,
        ended_at_ms=body.ended_at_ms,
    )  # fmt: skip
    return written(await call.ask(person, command))


async def abandon_session(call: Call) -> web.StreamResponse:
    """Give a session up."""
    person, session = await holder(call)
    body = await call.body_or_empty(AbandonSessionRequest)
    command = AbandonSession(at_ms=call.now_ms, by=call.principal.by, session=session, reason=body.reason)
    return written(await call.ask(person, command))


async def delete_session(call: Call) -> web.StreamResponse:
    """Delete a session; it leaves every view."""
    person, session = await holder(call)
    command = DeleteSession(at_ms=call.now_ms, by=call.principal.by, session=session)
    return written(await call.ask(person, command))
