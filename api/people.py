"""People: registering, profile, consents, feedback, forgetting."""

from __future__ import annotations

import asyncio

from aiohttp import web
from kinelog.actors.answers import Accepted
from kinelog.api.call import Call
from kinelog.api.documents import (
    ConsentsDocument,
    DeviceDocument,
    FeedbackDocument,
    FeedbackList,
    ProfileDocument,
    UserDocument,
    Written,
)
from kinelog.api.json_body import json_response
from kinelog.api.parameters import USER_PATTERN, matching, session_id
from kinelog.api.positions import token_of
from kinelog.api.problems import ProblemError
from kinelog.api.requests import ConsentsRequest, FeedbackRequest, ProfileFields, RegisterUserRequest
from kinelog.api.sessions import written
from kinelog.api.whose import holder, person_named, user_state
from kinelog.domain.commands import (
    EraseUser,
    GiveConsent,
    GiveFeedback,
    RegisterUser,
    RevokeTokensOf,
    SetProfile,
    WithdrawConsent,
)
from kinelog.domain.events import FeedbackGiven
from kinelog.domain.identifiers import Person
from kinelog.domain.values import Profile, Purpose, Role
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal

FEEDBACK_LISTED = 1_000


async def put_user(call: Call) -> web.StreamResponse:
    """Register a person under the tenant's own name for them; a device may repeat its own person's registration."""
    name = matching("user", call.part("user"), USER_PATTERN)
    body = await call.body_or_empty(RegisterUserRequest)
    profile = body.profile.profile() if body.profile is not None else Profile()
    if call.principal.role is Role.DEVICE:
        person = await person_named(call)
    else:
        tenant = call.principal.tenant
        # The pseudonym and its key first, durably: the first event is sealed with it. A crash in between leaves a
        # pseudonym without events, which the next registration takes up.
        person = Person(tenant, await call.context.blocking(call.context.services.keys.enrol, tenant, name))
    return written(await call.ask(person, RegisterUser(at_ms=call.now_ms, by=call.principal.by, profile=profile)), 201)


async def get_user(call: Call) -> web.StreamResponse:
    """A person as they are registered."""
    state = await user_state(call, await person_named(call))
    devices = tuple(
        DeviceDocument(device=name, kind=device.kind, push_target=device.push_target)
        for name, device in sorted(state.devices.items())
    )
    document = UserDocument(
        user=call.part("user"), registered_at_ms=state.registered_at_ms, profile=profile_document(state.profile),
        devices=devices, consents=state.consents, sessions=len(state.sessions), open_session=state.open_session,
    )  # fmt: skip
    return json_response(document)


def profile_document(profile: Profile) -> ProfileDocument:
    """A profile as clients see it."""
    return ProfileDocument(
        age_group=profile.age_group, sex=profile.sex, proficiency=profile.proficiency, height_cm=profile.height_cm,
        weight_kg=profile.weight_kg,
    )  # fmt: skip


async def put_profile(call: Call) -> web.StreamResponse:
    """Replace the profile."""
    person = await person_named(call)
    body = await call.body(ProfileFields)
    return written(await call.ask(person, SetProfile(at_ms=call.now_ms, by=call.principal.by, profile=body.profile())))


async def get_profile(call: Call) -> web.StreamResponse:
    """The profile."""
    return json_response(profile_document((await user_state(call, await person_named(call))).profile))


async def put_consents(call: Call) -> web.StreamResponse:
    """Set what the person consents to: each difference to what holds is an event of its own."""
    person = await person_named(call)
    wanted = set((await call.body(ConsentsRequest)).purposes)
    held = set((await user_state(call, person)).consents)
    accepted: Accepted | None = None
    changed = wanted != held
    # Repeated as they are when nothing differs: the answer needs a position either way.
    for purpose in sorted(wanted ^ held) or sorted(wanted) or [Purpose.TRAINING_MODELS]:
        kind = GiveConsent if purpose in wanted else WithdrawConsent
        accepted = await call.ask(person, kind(at_ms=call.now_ms, by=call.principal.by, purpose=purpose))
    if accepted is None:
        raise TypeError("there is always a purpose to ask about")
    return json_response(Written(changed=changed, position=token_of(accepted.at)))


async def get_consents(call: Call) -> web.StreamResponse:
    """What the person consents to."""
    return json_response(ConsentsDocument(purposes=(await user_state(call, await person_named(call))).consents))


async def put_feedback(call: Call) -> web.StreamResponse:
    """Rate a suggestion or a session; the latest word on the same subject counts."""
    person = await person_named(call)
    body = await call.body(FeedbackRequest)
    return await _give(call, person, body, body.session)


async def put_session_feedback(call: Call) -> web.StreamResponse:
    """Rate a session."""
    person, session = await holder(call)
    body = await call.body(FeedbackRequest)
    if body.session is not None and body.session != session:
        raise ProblemError("feedback-invalid", "The body names another session than the path.")
    return await _give(call, person, body, session)


async def _give(call: Call, person: Person, body: FeedbackRequest, session: str | None) -> web.Response:
    command = GiveFeedback(
        at_ms=call.now_ms, by=call.principal.by, session=None if session is None else session_id(session),
        subject=body.subject, rating=body.rating, text=body.text,
    )  # fmt: skip
    return written(await call.ask(person, command))


async def get_feedback(call: Call) -> web.StreamResponse:
    """The ratings a person gave, the oldest first."""
    person = await person_named(call)
    await user_state(call, person)
    services = call.context.services
    feedback = await call.context.blocking(_feedback_of, services.journal, EventCodec(services.keys), person)
    return json_response(FeedbackList(feedback=feedback))


def _feedback_of(journal: Journal, codec: EventCodec, person: Person) -> tuple[FeedbackDocument, ...]:
    given = []
    for positioned in journal.replay(person.persistence_id):
        if positioned.event.type == FeedbackGiven.__name__:
            event = codec.open(positioned.event)
            if isinstance(event, FeedbackGiven):
                given.append(
                    FeedbackDocument(
                        at_ms=event.at_ms, session=event.session, subject=event.subject, rating=event.rating,
                        text=event.text,
                    )
                )  # fmt: skip
    return tuple(given[-FEEDBACK_LISTED:])


async def delete_user(call: Call) -> web.StreamResponse:
    """Forget a person for ever: their key and name are destroyed, their tokens revoked."""
    person = await person_named(call)
    accepted: Accepted | None = None
    try:
        accepted = await call.ask(person, EraseUser(at_ms=call.now_ms, by=call.principal.by))
    except ProblemError as problem:
        # Erased already: what is left to do is what a crash may have left undone, their tokens.
        if problem.kind.code not in ("user-erased", "user-unknown"):
            raise
    # After the erasure, not before: a device that loses its token to an erasure that then fails could not ask again.
    revoke = RevokeTokensOf(at_ms=call.now_ms, by=call.principal.by, person=person.pseudonym, reason="erased")
    try:
        revoked = await call.ask(call.principal.tenant_person, revoke)
    finally:
        call.context.authentication.distrust(person.tenant)
    # Whoever is told that nothing can be read any more may ask another node, whose lists must know it by then.
    await asyncio.sleep(call.context.services.keys.erasures_heard_within_s)
    at = revoked.at if accepted is None else accepted.at
    return json_response(Written(changed=accepted is not None, position=token_of(at)))
