"""Sets of a session: labelled as recognised or entered, corrected by people; both are kept."""

from __future__ import annotations

from kinelog.domain.catalogue import ExerciseNameError, parse
from kinelog.domain.commands import CorrectSet, LabelSet
from kinelog.domain.decision import Decision
from kinelog.domain.errors import Rejection
from kinelog.domain.events import SetCorrected, SetLabelled
from kinelog.domain.limits import Limits
from kinelog.domain.ranges import outside
from kinelog.domain.replies import SetRecorded
from kinelog.domain.session import refused_reading, refused_session
from kinelog.domain.states import SessionSet, SessionState
from kinelog.domain.values import SetLabel

REPETITIONS = (0, 1_000)
WEIGHT_KG = (0.0, 1_000.0)
REST_S = (0.0, 86_400.0)
LABEL_ID_CHARACTERS = 100


def decide_label(stream: str, command: LabelSet, session: SessionState, limits: Limits) -> Decision | Rejection:
    """Decide a label. The same label again, also after a correction, answers the set that it made."""
    refused = refused_session(session) or _refused_label_id(command)
    if refused is not None:
        return refused
    earlier = _same_request(command, session)
    if earlier is not None:
        if command.label_id is not None and not _same_content(command, earlier):
            return Rejection("label-id-used", "This id was used for another label; make a new one.", "/label_id")
        return Decision((), SetRecorded(earlier.number, earlier.version, created=False))
    refused = _refused_interval(command, session, limits) or _refused_label(command.label, command.confidence)
    refused = refused or _refused_place(command.start_ms, command.end_ms, session, 0)
    if refused is not None:
        return refused
    if len(session.sets) >= limits.sets_per_session:
        return Rejection("too-many-sets", f"At most {limits.sets_per_session} sets in one session.")
    number = len(session.sets) + 1
    event = SetLabelled(
        at_ms=command.at_ms, by=command.by, number=number, start_ms=command.start_ms, end_ms=command.end_ms,
        label=command.label, source=command.source, confidence=command.confidence, label_id=command.label_id,
    )  # fmt: skip
    return Decision(((stream, event),), SetRecorded(number, 1))


def _refused_label_id(command: LabelSet) -> Rejection | None:
    if command.label_id is None or 0 < len(command.label_id) <= LABEL_ID_CHARACTERS:
        return None
    return Rejection("label-invalid", f"A label's id has 1 to {LABEL_ID_CHARACTERS} characters.", "/label_id")


def _same_request(command: LabelSet, session: SessionState) -> SessionSet | None:
    """The set that this very label made, by the client's id or, without one, by content."""
    for known in session.sets:
        if command.label_id is not None and known.label_id == command.label_id:
            return known
    # A set that was deleted may be entered again; only a client's id tells a late repetition from a new wish.
    return next((known for known in session.sets if not known.deleted and _same_content(command, known)), None)


def _same_content(command: LabelSet, known: SessionSet) -> bool:
    asked = (command.start_ms, command.end_ms, command.label, command.source)
    return asked == (known.start_ms, known.end_ms, known.detected, known.source)


def _refused_interval(command: LabelSet, session: SessionState, limits: Limits) -> Rejection | None:
    if command.start_ms >= command.end_ms:
        return Rejection("label-invalid", "A set starts before it ends.", "/end_ms")
    if command.end_ms - command.start_ms > limits.set_length_ms:
        return Rejection("label-invalid", f"A set lasts at most {limits.set_length_ms // 1000} s.", "/end_ms")
    tolerance = limits.set_tolerance_ms
    if command.start_ms < session.started_at_ms - tolerance:
        return Rejection("set-outside-session", "The set starts before its session does.", "/start_ms")
    if session.ended_at_ms is None:
        latest = max(command.at_ms, session.started_at_ms) + limits.clock_skew_ms
    else:
        latest = session.ended_at_ms + tolerance
    if command.end_ms > latest:
        return Rejection("set-outside-session", "The set ends after its session does.", "/end_ms")
    return None


def _refused_label(label: SetLabel, confidence: float | None) -> Rejection | None:
    try:
        parse(label.exercise)
    except ExerciseNameError as error:
        return Rejection(
            "label-invalid", f"{error.code} at character {error.position}: {error.detail}.", "/label/exercise",
            extra={"error": error.code, "position": error.position},
        )  # fmt: skip
    for pointer, value, (least, most) in (
        ("/label/repetitions", label.repetitions, REPETITIONS),
        ("/label/weight_kg", label.weight_kg, WEIGHT_KG),
        ("/label/intensity", label.intensity, (0, 1)),
        ("/label/rest_s", label.rest_s, REST_S),
        ("/confidence", confidence, (0, 1)),
    ):
        if value is not None and outside(value, least, most):
            return Rejection("label-invalid", f"Expected a number from {least:g} to {most:g}, or null.", pointer)
    return None


def _refused_place(start_ms: int, end_ms: int, session: SessionState, but: int) -> Rejection | None:
    """Why a set cannot stand in this interval: another one, set number `but` aside, shares time with it."""
    for other in session.sets:
        if not other.deleted and other.number != but and other.start_ms < end_ms and start_ms < other.end_ms:
            detail = f"Set {other.number} was done at that time; correct it instead."
            extra: dict[str, object] = {"number": other.number, "version": other.version}
            return Rejection("set-overlaps", detail, "/start_ms", extra=extra)
    return None


def decide_correct(stream: str, command: CorrectSet, session: SessionState) -> Decision | Rejection:
    """Decide a correction, by whoever has seen the set's current version."""
    refused = refused_reading(session)
    if refused is not None:
        return refused
    if not 1 <= command.number <= len(session.sets):
        return Rejection("set-unknown", f"The session has {len(session.sets)} sets.", "/number")
    known = session.sets[command.number - 1]
    if _is_current(command, known):
        return Decision((), SetRecorded(known.number, known.version, created=False))
    refused = _refused_stale(command, known) or _refused_label(command.label, None)
    if not command.deleted:
        refused = refused or _refused_place(known.start_ms, known.end_ms, session, known.number)
    if refused is not None:
        return refused
    event = SetCorrected(
        at_ms=command.at_ms, by=command.by, number=known.number, version=known.version + 1, label=command.label,
        was=known.label, source=command.source, deleted=command.deleted,
    )  # fmt: skip
    return Decision(((stream, event),), SetRecorded(known.number, event.version))


def _refused_stale(command: CorrectSet, known: SessionSet) -> Rejection | None:
    if command.version == known.version:
        return None
    detail = "Somebody corrected the set in between; look at it and decide again."
    return Rejection("set-stale", detail, "/version", extra={"number": known.number, "version": known.version})


def _is_current(command: CorrectSet, known: SessionSet) -> bool:
    """Whether this correction is the one that made the current version: a request whose answer was lost."""
    asked = (command.version + 1, command.label, command.source, command.deleted)
    return asked == (known.version, known.corrected, known.corrected_by, known.deleted)
