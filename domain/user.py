"""The user: who is known, what they told, which session is open."""

from __future__ import annotations

import hashlib

import msgspec
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.decision import Decision
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import DEVICE_PATTERN, Person
from kinelog.domain.limits import Limits
from kinelog.domain.ranges import outside
from kinelog.domain.replies import Done
from kinelog.domain.states import ListedSession, UserDevice, UserState
from kinelog.domain.values import Profile, Purpose

HEIGHT_CM = (50.0, 272.0)
WEIGHT_KG = (20.0, 400.0)
RATINGS = (1, 5)
TEXT_CHARACTERS = 2_000
NAME_CHARACTERS = 200
TARGET_CHARACTERS = 2_048

_Events = tuple[Event, ...]


def refused_person(user: UserState) -> Rejection | None:
    """Why nothing can be done for this person, or None when they are known and not forgotten."""
    if user.erased:
        return Rejection("user-erased", "This person was erased for ever; nothing can be stored or read for them.")
    if user.registered_at_ms is None:
        return Rejection("user-unknown", "Nobody is registered under this pseudonym; register the person first.")
    return None


def decide_user(person: Person, command: ask.Command, user: UserState, limits: Limits) -> Decision | Rejection:
    """Decide a command about the person themselves.

    Raises:
        TypeError: Not a command about a person.
    """
    events = _decide(command, user, limits)
    if isinstance(events, Rejection):
        return events
    return Decision(tuple((person.persistence_id, event) for event in events), Done(changed=bool(events)))


def _decide(command: ask.Command, user: UserState, limits: Limits) -> _Events | Rejection:
    if isinstance(command, ask.EraseUser) and user.erased:
        return ()
    if isinstance(command, ask.RegisterUser) and not user.erased:
        return _register(command, user)
    refused = refused_person(user)
    return _decide_for_known(command, user, limits) if refused is None else refused


def _decide_for_known(command: ask.Command, user: UserState, limits: Limits) -> _Events | Rejection:
    answer: _Events | Rejection
    match command:
        case ask.SetProfile():
            answer = _set_profile(command, user)
        case ask.AddDevice():
            answer = _add_device(command, user, limits)
        case ask.RemoveDevice():
            answer = _remove_device(command, user)
        case ask.SetPushTarget():
            answer = _set_push_target(command, user)
        case ask.GiveConsent() | ask.WithdrawConsent():
            answer = _consent(command, user)
        case ask.GiveFeedback():
            answer = _give_feedback(command, user)
        case ask.EraseUser():
            answer = (did.UserErased(at_ms=command.at_ms, by=command.by),)
        case _:
            message = f"{type(command).__name__} is not a command about a person"
            raise TypeError(message)
    return answer


def _register(command: ask.RegisterUser, user: UserState) -> _Events | Rejection:
    if user.registered_at_ms is not None:
        return ()
    registered = did.UserRegistered(at_ms=command.at_ms, by=command.by)
    if command.profile == Profile():
        return (registered,)
    refused = _refused_profile(command.profile)
    if refused is not None:
        return refused
    return (registered, did.ProfileSet(at_ms=command.at_ms, by=command.by, profile=command.profile))


def _refused_profile(profile: Profile) -> Rejection | None:
    for field, value, (least, most) in (
        ("height_cm", profile.height_cm, HEIGHT_CM),
        ("weight_kg", profile.weight_kg, WEIGHT_KG),
    ):
        if value is not None and outside(value, least, most):
            return Rejection("profile-invalid", f"{field} must lie within {least:g} and {most:g}.", f"/profile/{field}")
    return None


def _set_profile(command: ask.SetProfile, user: UserState) -> _Events | Rejection:
    refused = _refused_profile(command.profile)
    if refused is not None:
        return refused
    if command.profile == user.profile:
        return ()
    return (did.ProfileSet(at_ms=command.at_ms, by=command.by, profile=command.profile),)


def _add_device(command: ask.AddDevice, user: UserState, limits: Limits) -> _Events | Rejection:
    for field, text in (("device", command.device), ("kind", command.kind)):
        if not DEVICE_PATTERN.fullmatch(text):
            return Rejection("device-invalid", f"{field}: up to 64 letters, digits and . _ - inside.", f"/{field}")
    known = user.devices.get(command.device)
    if known is not None and known.kind == command.kind:
        return ()
    if known is None and len(user.devices) >= limits.devices_per_user:
        return Rejection("too-many-devices", f"At most {limits.devices_per_user} devices; remove one first.", "/device")
    return (did.DeviceAdded(at_ms=command.at_ms, by=command.by, device=command.device, kind=command.kind),)


def _remove_device(command: ask.RemoveDevice, user: UserState) -> _Events:
    if command.device not in user.devices:
        return ()
    return (did.DeviceRemoved(at_ms=command.at_ms, by=command.by, device=command.device),)


def _set_push_target(command: ask.SetPushTarget, user: UserState) -> _Events | Rejection:
    known = user.devices.get(command.device)
    if known is None:
        return Rejection("device-unknown", "Pair the device with this person first.", "/device")
    target = command.target
    if target is not None and not 0 < len(target) <= TARGET_CHARACTERS:
        return Rejection("push-target-invalid", f"1 to {TARGET_CHARACTERS} characters, or null for none.", "/target")
    if known.push_target == target:
        return ()
    return (did.PushTargetSet(at_ms=command.at_ms, by=command.by, device=command.device, target=target),)


def _consent(command: ask.GiveConsent | ask.WithdrawConsent, user: UserState) -> _Events:
    given = isinstance(command, ask.GiveConsent)
    if given == (command.purpose in user.consents):
        return ()
    kind = did.ConsentGiven if given else did.ConsentWithdrawn
    return (kind(at_ms=command.at_ms, by=command.by, purpose=command.purpose),)


def _give_feedback(command: ask.GiveFeedback, user: UserState) -> _Events | Rejection:
    least, most = RATINGS
    if outside(command.rating, least, most):
        return Rejection("feedback-invalid", f"A rating is a whole number from {least} to {most}.", "/rating")
    if not 0 < len(command.subject) <= NAME_CHARACTERS:
        return Rejection("feedback-invalid", f"Name what is rated, in 1 to {NAME_CHARACTERS} characters.", "/subject")
    if len(command.text) > TEXT_CHARACTERS:
        return Rejection("feedback-invalid", f"At most {TEXT_CHARACTERS} characters of text.", "/text")
    if command.session is not None and command.session not in user.sessions:
        return Rejection("session-unknown", "This person has no such session.", "/session")
    event = did.FeedbackGiven(
        at_ms=command.at_ms, by=command.by,
        session=command.session, subject=command.subject, rating=command.rating, text=command.text,
    )  # fmt: skip
    return () if feedback_digest(event) == user.last_feedback else (event,)


def feedback_digest(feedback: did.FeedbackGiven) -> bytes:
    """8 bytes that tell a repeated rating from a new one; the words themselves need not stay in memory."""
    content = [feedback.session, feedback.subject, feedback.rating, feedback.text]
    return hashlib.blake2b(msgspec.msgpack.encode(content), digest_size=8).digest()


def evolve_user(user: UserState, event: Event) -> UserState:
    """The user after an event of their own stream.

    Raises:
        TypeError: Not an event of a user's stream.
    """
    match event:
        case did.SessionListed():
            return _listed(user, event)
        case did.SessionClosed():
            return _closed(user, event)
        case did.UserRegistered():
            return msgspec.structs.replace(user, registered_at_ms=event.at_ms)
        case did.UserErased():
            return UserState(erased=True)
        case did.FeedbackGiven():
            count = user.feedback_count + 1
            return msgspec.structs.replace(user, feedback_count=count, last_feedback=feedback_digest(event))
        case _:
            return _evolve_told(user, event)


def _evolve_told(user: UserState, event: Event) -> UserState:
    match event:
        case did.ProfileSet():
            changed = msgspec.structs.replace(user, profile=event.profile)
        case did.ConsentGiven():
            changed = msgspec.structs.replace(user, consents=(*_without(user.consents, event.purpose), event.purpose))
        case did.ConsentWithdrawn():
            changed = msgspec.structs.replace(user, consents=_without(user.consents, event.purpose))
        case did.DeviceAdded():
            known = user.devices.get(event.device)
            entry = UserDevice(event.kind, None if known is None else known.push_target)
            changed = msgspec.structs.replace(user, devices={**user.devices, event.device: entry})
        case did.DeviceRemoved():
            left = {name: device for name, device in user.devices.items() if name != event.device}
            changed = msgspec.structs.replace(user, devices=left)
        case did.PushTargetSet():
            known = user.devices.get(event.device)
            entry = UserDevice("unknown" if known is None else known.kind, event.target)
            changed = msgspec.structs.replace(user, devices={**user.devices, event.device: entry})
        case _:
            message = f"{type(event).__name__} is not an event of a user"
            raise TypeError(message)
    return changed


def _without(consents: tuple[Purpose, ...], purpose: Purpose) -> tuple[Purpose, ...]:
    return tuple(other for other in consents if other is not purpose)


def _listed(user: UserState, event: did.SessionListed) -> UserState:
    sessions = {**user.sessions, event.session: ListedSession(event.started_at_ms)}
    opened = event.session if event.opened else user.open_session
    return msgspec.structs.replace(user, sessions=sessions, open_session=opened)


def _closed(user: UserState, event: did.SessionClosed) -> UserState:
    known = user.sessions.get(event.session)
    sessions = user.sessions
    if known is not None:
        sessions = {**sessions, event.session: ListedSession(known.started_at_ms, event.how)}
    still_open = None if user.open_session == event.session else user.open_session
    return msgspec.structs.replace(user, sessions=sessions, open_session=still_open)
