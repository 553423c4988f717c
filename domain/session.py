"""A session's life: how it starts, ends, is given up or deleted, and what each of its events changes."""

from __future__ import annotations

import msgspec
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.catalogue import MuscleGroup
from kinelog.domain.decision import Decision
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import DEVICE_PATTERN, GYM_PATTERN, SESSION_PATTERN, Person
from kinelog.domain.limits import Limits
from kinelog.domain.ranges import outside
from kinelog.domain.replies import Done
from kinelog.domain.states import DeviceFrames, SessionSet, SessionState, SessionStatus, UserState
from kinelog.domain.user import NAME_CHARACTERS, refused_person
from kinelog.domain.values import MissingRange

DAY_MS = 86_400_000

_GROUPS = frozenset(group.value for group in MuscleGroup)
_UNCHANGED = Decision((), Done(changed=False))


def refused_session(session: SessionState) -> Rejection | None:
    """Why nothing of a session can be stored, or None: every session that was started and not deleted takes frames."""
    if session.status is SessionStatus.NONE:
        detail = "The session's start has not arrived yet; start it, then send this again."
        return Rejection("session-not-started", detail, retryable=True)
    return _refused_deleted(session)


def refused_reading(session: SessionState) -> Rejection | None:
    """Why a session cannot be looked up, or None."""
    if session.status is SessionStatus.NONE:
        return Rejection("session-unknown", "This person has no such session.")
    return _refused_deleted(session)


def _refused_deleted(session: SessionState) -> Rejection | None:
    if session.status is SessionStatus.DELETED:
        return Rejection("session-deleted", "The session was deleted; a new session needs a new id.")
    return None


# ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────────


def decide_start(
    person: Person, command: ask.StartSession, user: UserState, session: SessionState, before: SessionState | None,
    limits: Limits,
) -> Decision | Rejection:  # fmt: skip
    """Decide the start of a session.

    Sessions of a person are ordered by (start, id). The one that starts later is the open one, whichever arrives first:
    an open session that began earlier is ended as `superseded`; when the open one began later, the new session is a
    bulk upload of the past. It takes frames, labels and an end like any other and is abandoned after its own silence,
    but it is not what the person is doing now (`opened` is false).

    Args:
        person: Whose.
        command: The start.
        user: The person.
        session: The session's own state so far.
        before: The session that is open, or None.
        limits: Bounds.
    """
    refused = refused_person(user) or _refused_deleted(session)
    if refused is not None:
        return refused
    if session.status is not SessionStatus.NONE:
        return _UNCHANGED if _same_start(command, session) else _id_used()
    refused = _refused_start(command, user, limits)
    if refused is not None:
        return refused
    events: list[tuple[str, Event]] = []
    opened = True
    if before is not None and user.open_session is not None:
        opened = (before.started_at_ms, user.open_session) < (command.started_at_ms, command.session)
        if opened:
            events += _supersede(person, user.open_session, before, command, limits)
    started = did.SessionStarted(
        at_ms=command.at_ms, by=command.by, started_at_ms=command.started_at_ms, gym=command.gym, plan=command.plan,
        groups=command.groups, intensity=command.intensity,
    )  # fmt: skip
    listed = did.SessionListed(
        at_ms=command.at_ms, by=command.by, session=command.session, started_at_ms=command.started_at_ms, opened=opened
    )
    events += [(person.session(command.session), started), (person.persistence_id, listed)]
    return Decision(tuple(events), Done())


def _same_start(command: ask.StartSession, session: SessionState) -> bool:
    asked = (command.started_at_ms, command.gym, command.plan, command.groups, command.intensity)
    return asked == (session.started_at_ms, session.gym, session.plan, session.groups, session.intensity)


def _id_used() -> Rejection:
    return Rejection("session-id-used", "This id was used for a session that started otherwise; make a new one.")


def _refused_start(command: ask.StartSession, user: UserState, limits: Limits) -> Rejection | None:
    if command.started_at_ms > command.at_ms + limits.clock_skew_ms:
        detail = f"The start lies more than {limits.clock_skew_ms // 1000} s in the future; check the phone's clock."
        return Rejection("started-in-future", detail, "/started_at_ms")
    if len(user.sessions) >= limits.sessions_per_user:
        return Rejection("too-many-sessions", f"At most {limits.sessions_per_user} sessions of one person.")
    field = _bad_start_field(command)
    if field is not None:
        return Rejection("session-invalid", f"{field} is not acceptable for a session.", f"/{field}")
    return None


def _bad_start_field(command: ask.StartSession) -> str | None:
    groups = command.groups
    checks = (
        ("session", not SESSION_PATTERN.fullmatch(command.session)),
        ("started_at_ms", command.started_at_ms < 0),
        ("gym", command.gym is not None and not GYM_PATTERN.fullmatch(command.gym)),
        ("plan", command.plan is not None and not 0 < len(command.plan) <= NAME_CHARACTERS),
        ("groups", len(set(groups)) < len(groups) or not _GROUPS.issuperset(groups)),
        ("intensity", command.intensity is not None and outside(command.intensity, 0, 1)),
    )
    return next((field for field, bad in checks if bad), None)


def _supersede(
    person: Person, session: str, state: SessionState, command: ask.StartSession, limits: Limits
) -> list[tuple[str, Event]]:
    # It ended when the next began, or when it was last heard of: a phone that forgot to end it did not train all night.
    ended_at_ms = min(command.started_at_ms, max(state.started_at_ms, state.last_activity_ms))
    ended = _ended(command, state, {}, "superseded", ended_at_ms, limits)
    closed = did.SessionClosed(at_ms=command.at_ms, by=command.by, session=session, how="superseded")
    return [(person.session(session), ended), (person.persistence_id, closed)]


# ── ending ───────────────────────────────────────────────────────────────────────────────────────────────────────


def decide_end(
    person: Person, command: ask.EndSession, user: UserState, session: SessionState, limits: Limits
) -> Decision | Rejection:
    """Decide the end of a session: of a running or abandoned one, or the phone's own word on a superseded one."""
    refused = refused_person(user) or refused_session(session)
    if refused is not None:
        return refused
    if session.status is SessionStatus.ENDED and session.ended_how != "superseded":
        return _UNCHANGED
    # A phone whose clock is ahead starts sessions in the future; ended by our clock, they last no time, not less.
    now_ms = max(command.at_ms, session.started_at_ms)
    ended_at_ms = now_ms if command.ended_at_ms is None else command.ended_at_ms
    counts = command.frames or {}
    refused = _refused_end(command, ended_at_ms, session, limits) or _refused_counts(counts, session, limits)
    if refused is not None:
        return refused
    ended = _ended(command, session, counts, "final" if command.final else "asked", ended_at_ms, limits)
    lacking = {device: ended.missing[device] for device in counts if device in ended.missing}
    if lacking and not command.final:
        return _frames_missing(lacking)
    return _closing(person, command, user, command.session, ended, "ended")


def _refused_end(command: ask.EndSession, ended_at_ms: int, session: SessionState, limits: Limits) -> Rejection | None:
    if ended_at_ms < session.started_at_ms:
        return Rejection("ended-before-start", "A session cannot end before it started.", "/ended_at_ms")
    if ended_at_ms > max(command.at_ms, session.started_at_ms) + limits.clock_skew_ms:
        return Rejection("ended-in-future", "The end lies in the future; check the phone's clock.", "/ended_at_ms")
    return None


def _refused_counts(counts: dict[str, int], session: SessionState, limits: Limits) -> Rejection | None:
    silent = [device for device in counts if session.device(device) is None]
    if len(session.devices) + len(silent) > limits.devices_per_session:
        return Rejection("too-many-devices", f"At most {limits.devices_per_session} in one session.", "/frames")
    for device, count in counts.items():
        if not DEVICE_PATTERN.fullmatch(device) or not 0 <= count <= limits.frames_per_device:
            detail = f"A device's name, and how many frames it sent: from 0 to {limits.frames_per_device}."
            return Rejection("frames-invalid", detail, f"/frames/{device.replace('~', '~0').replace('/', '~1')}")
    return None


def _frames_missing(lacking: dict[str, tuple[MissingRange, ...]]) -> Rejection:
    ranges: dict[str, object] = {
        device: [[gap.first, gap.last] for gap in gaps] for device, gaps in lacking.items()
    }  # fmt: skip
    detail = "Frames have not arrived; send the missing ones and end again, or end with `final` if they are lost."
    return Rejection("frames-missing", detail, "/frames", retryable=True, extra={"missing": ranges})


def _ended(
    command: ask.Command, session: SessionState, counts: dict[str, int], how: str, ended_at_ms: int, limits: Limits
) -> did.SessionEnded:
    """The end of a session. A device that nobody counted sent what is known: up to its highest number."""
    received = {entry.device: entry.received for entry in session.devices}
    frames = {device: known.high_water + 1 for device, known in received.items() if known.count} | counts
    missing = {}
    for device, count in frames.items():
        known = received.get(device)
        gaps = _all_missing(count) if known is None else known.missing(count, limits.missing_ranges)
        if gaps:
            missing[device] = gaps
    return did.SessionEnded(
        at_ms=command.at_ms, by=command.by, ended_at_ms=ended_at_ms, how=how, frames=frames, missing=missing
    )


def _all_missing(count: int) -> tuple[MissingRange, ...]:
    return (MissingRange(0, count - 1),) if count else ()


def decide_abandon(
    person: Person, command: ask.AbandonSession, user: UserState, session: SessionState, limits: Limits
) -> Decision | Rejection:
    """Decide to give a session up; for the reason `silence` only when it really has been silent for long enough."""
    refused = refused_person(user) or refused_reading(session)
    if refused is not None:
        return refused
    if session.status is SessionStatus.ABANDONED:
        return _UNCHANGED
    if session.status is SessionStatus.ENDED:
        return Rejection("session-ended", "The session has ended already.")
    if command.reason == "silence" and session.last_activity_ms + limits.silence_ms > command.at_ms:
        return Rejection("session-active", "Something of the session arrived too recently.", retryable=True)
    if not 0 < len(command.reason) <= NAME_CHARACTERS:
        return Rejection("session-invalid", f"A reason has 1 to {NAME_CHARACTERS} characters.", "/reason")
    abandoned = did.SessionAbandoned(
        at_ms=command.at_ms, by=command.by, reason=command.reason, last_activity_ms=session.last_activity_ms
    )
    return _closing(person, command, user, command.session, abandoned, "abandoned")


def decide_delete(
    person: Person, command: ask.DeleteSession, user: UserState, session: SessionState
) -> Decision | Rejection:
    """Decide to delete a session, in whatever state it is."""
    refused = refused_person(user)
    if refused is not None:
        return refused
    if session.status is SessionStatus.DELETED:
        return _UNCHANGED
    refused = refused_reading(session)
    if refused is not None:
        return refused
    deleted = did.SessionDeleted(at_ms=command.at_ms, by=command.by)
    return _closing(person, command, user, command.session, deleted, "deleted")


def _closing(person: Person, command: ask.Command, user: UserState, session: str, event: Event, how: str) -> Decision:
    events: list[tuple[str, Event]] = [(person.session(session), event)]
    if user.open_session == session:
        closed = did.SessionClosed(at_ms=command.at_ms, by=command.by, session=session, how=how)
        events.append((person.persistence_id, closed))
    return Decision(tuple(events), Done())


# ── evolving ─────────────────────────────────────────────────────────────────────────────────────────────────────


def evolve_session(session: SessionState, event: Event) -> SessionState:
    """The session after an event of its stream.

    Raises:
        TypeError: Not an event of a session's stream.
    """
    if isinstance(event, did.FrameRecorded):
        return _recorded(session, event)
    active = max(session.last_activity_ms, event.at_ms)
    match event:
        case did.FrameRejected() | did.FrameQuarantined():
            entry = _kept_aside(_entry(session, event.device), event)
            return msgspec.structs.replace(session, devices=_with(session, entry), last_activity_ms=active)
        case did.SetLabelled() | did.SetCorrected():
            return msgspec.structs.replace(session, sets=_sets(session, event), last_activity_ms=active)
        case did.SessionStarted():
            return msgspec.structs.replace(
                session, status=SessionStatus.OPEN, started_at_ms=event.started_at_ms, gym=event.gym, plan=event.plan,
                groups=event.groups, intensity=event.intensity, last_activity_ms=active,
            )  # fmt: skip
        case _:
            return _evolve_closing(session, event)


def _evolve_closing(session: SessionState, event: Event) -> SessionState:
    match event:
        case did.SessionEnded():
            for device, count in event.frames.items():
                entry = msgspec.structs.replace(_entry(session, device), expected=count)
                session = msgspec.structs.replace(session, devices=_with(session, entry))
            return msgspec.structs.replace(
                session, status=SessionStatus.ENDED, ended_at_ms=event.ended_at_ms, ended_how=event.how
            )
        case did.SessionAbandoned():
            return msgspec.structs.replace(session, status=SessionStatus.ABANDONED)
        case did.SessionDeleted():
            return SessionState(status=SessionStatus.DELETED, last_activity_ms=session.last_activity_ms)
        case _:
            message = f"{type(event).__name__} is not an event of a session"
            raise TypeError(message)


def _entry(session: SessionState, device: str) -> DeviceFrames:
    return session.device(device) or DeviceFrames(device)


def _with(session: SessionState, entry: DeviceFrames) -> tuple[DeviceFrames, ...]:
    for place, other in enumerate(session.devices):
        if other.device == entry.device:
            return (*session.devices[:place], entry, *session.devices[place + 1 :])
    return (*session.devices, entry)


def _recorded(session: SessionState, event: did.FrameRecorded) -> SessionState:
    entry = _entry(session, event.device)
    received = entry.received.insert(event.sequence, event.digest)
    devices = _with(session, msgspec.structs.replace(entry, received=received))
    active = max(session.last_activity_ms, event.at_ms)
    return msgspec.structs.replace(session, devices=devices, last_activity_ms=active)


def _kept_aside(entry: DeviceFrames, event: did.FrameRejected | did.FrameQuarantined) -> DeviceFrames:
    quarantined = isinstance(event, did.FrameQuarantined)
    day = max(entry.kept_day, event.at_ms // DAY_MS)
    return msgspec.structs.replace(
        entry,
        rejected=entry.rejected + (not quarantined),
        quarantined=entry.quarantined + quarantined,
        kept_day=day,
        kept_that_day=1 + (entry.kept_that_day if day == entry.kept_day else 0),
    )


def _sets(session: SessionState, event: did.SetLabelled | did.SetCorrected) -> tuple[SessionSet, ...]:
    if isinstance(event, did.SetLabelled):
        labelled = SessionSet(
            event.number, event.start_ms, event.end_ms, event.label, event.source, event.confidence, event.label_id
        )
        return (*session.sets, labelled)
    corrected = msgspec.structs.replace(
        session.sets[event.number - 1],
        version=event.version, corrected=event.label, corrected_by=event.source, deleted=event.deleted,
    )  # fmt: skip
    return (*session.sets[: event.number - 1], corrected, *session.sets[event.number :])
