"""Sets of a session: labelled as recognised or entered, corrected by people, read back."""

from __future__ import annotations

import re

import msgspec
from aiohttp import hdrs, web
from kinelog.actors.answers import Accepted, LogPosition
from kinelog.api.call import Call
from kinelog.api.documents import LabelDocument, LabelOutcome, LabelsAnswer, SetAnswer, SetDocument, SetList
from kinelog.api.entity_tags import EntityTags, entity_tags, has_it
from kinelog.api.json_body import json_response
from kinelog.api.parameters import MAX_SET_NUMBER
from kinelog.api.positions import later, token_of, token_of_all
from kinelog.api.problems import ProblemError, ProblemPart, invalid_parameter
from kinelog.api.requests import CorrectSetRequest, LabelRequest
from kinelog.api.whose import consented_holder
from kinelog.domain.commands import CorrectSet, LabelSet, ReadSession
from kinelog.domain.identifiers import Person
from kinelog.domain.replies import SetRecorded
from kinelog.domain.states import SessionSet, SessionState, SessionStatus
from kinelog.domain.values import Role, SetLabel, Source

MAX_LABELS = 200
LABELS_SHAPE = LabelRequest | list[LabelRequest]
LABELS_ANSWER = (SetAnswer, LabelsAnswer)
ANY_VERSION_TRIES = 4
"""How often a correction of whichever version there is looks again after somebody else was faster."""

_VERSION = re.compile(r'"([0-9]{1,9})"')


async def post_labels(call: Call) -> web.StreamResponse:
    """Say that a set, or several, were done."""
    person, session = await consented_holder(call)
    body: LabelRequest | list[LabelRequest] = await call.body(LABELS_SHAPE)  # type: ignore[arg-type] # a union
    if isinstance(body, LabelRequest):
        accepted = await _label(call, person, session, body)
        recorded = _recorded(accepted)
        answer = _set_answer(recorded, accepted)
        return json_response(answer, 201 if recorded.created else 200, _etag(recorded.version))
    if not 1 <= len(body) <= MAX_LABELS:
        detail = f"From 1 to {MAX_LABELS} labels."
        raise ProblemError("invalid-body", detail, part=ProblemPart(detail, pointer=""))
    return await _label_all(call, person, session, body)


async def _label_all(call: Call, person: Person, session: str, labels: list[LabelRequest]) -> web.Response:
    outcomes: list[LabelOutcome] = []
    at: LogPosition | None = None
    for label in labels:
        try:
            accepted = await _label(call, person, session, label)
        except ProblemError as problem:
            if problem.kind.retryable or problem.kind.status >= 500:
                raise  # nothing is wrong with this label; those before it are repeats when all are sent again
            outcomes.append(LabelOutcome(type=problem.kind.type, detail=problem.detail))
            continue
        recorded = _recorded(accepted)
        outcomes.append(LabelOutcome(number=recorded.number, version=recorded.version, created=recorded.created))
        at = later(at, accepted.at)
    return json_response(LabelsAnswer(outcomes=tuple(outcomes), position=None if at is None else token_of(at)))


async def _label(call: Call, person: Person, session: str, label: LabelRequest) -> Accepted:
    command = LabelSet(
        at_ms=call.now_ms, by=call.principal.by, session=session, start_ms=label.start_ms, end_ms=label.end_ms,
        label=label.label(), source=_source(call, label.source), confidence=label.confidence, label_id=label.label_id,
    )  # fmt: skip
    return await _ask_flat(call, person, command)


async def _ask_flat(call: Call, person: Person, command: LabelSet | CorrectSet) -> Accepted:
    try:
        return await call.ask(person, command)
    except ProblemError as problem:
        # The command has the label's fields in `label`; the body has them beside the others.
        part = problem.part
        if part is not None and part.pointer is not None:
            problem.part = msgspec.structs.replace(part, pointer=part.pointer.removeprefix("/label"))
        raise


def _source(call: Call, claimed: Source | None) -> Source:
    """Who says it: a phone speaks for itself or its person, everybody else is a trainer."""
    if call.principal.role is not Role.DEVICE:
        return Source.TRAINER
    if claimed is Source.TRAINER:
        detail = "A device says device or person."
        raise ProblemError("invalid-body", detail, part=ProblemPart(detail, pointer="/source"))
    return claimed or Source.DEVICE


async def patch_set(call: Call) -> web.StreamResponse:
    """Correct a set, of which the caller has seen the version that `If-Match` names."""
    seen = _tags_seen(call.request)
    number = _set_number(call)
    person, session = await consented_holder(call)
    body = await call.body(CorrectSetRequest)
    source = Source.PERSON if body.source is None and call.principal.role is Role.DEVICE else _source(call, body.source)
    for _ in range(ANY_VERSION_TRIES):
        known = await _known_set(call, person, session, number)
        command = CorrectSet(
            at_ms=call.now_ms, by=call.principal.by, session=session, number=number,
            version=_version_seen(seen, known), label=body.applied_to(known.label), source=source, deleted=body.deleted,
        )  # fmt: skip
        try:
            accepted = await _ask_flat(call, person, command)
        except ProblemError as problem:
            # Whoever said "whichever version" has seen none that could be stale: what they leave out is read again.
            if not seen.any or problem.kind.code != "set-stale":
                raise
            continue
        recorded = _recorded(accepted)
        return json_response(_set_answer(recorded, accepted), 200, _etag(recorded.version))
    raise ProblemError("busy", "Others keep correcting the set; come back in a moment.", retry_after_s=1)


def _tags_seen(request: web.Request) -> EntityTags:
    lines = request.headers.getall(hdrs.IF_MATCH, [])
    if not lines:
        raise ProblemError("precondition-required", 'Send If-Match with the ETag of the set, as "1".')
    tags = entity_tags(lines)
    if tags is None:
        raise invalid_parameter("If-Match", 'ETags in quotes, as "1", with commas between them, or *.')
    return tags


def _version_seen(seen: EntityTags, known: SessionSet) -> int:
    """The version to correct: the present one if the caller has seen it, else one that the set had at best.

    That one is for the state machine to judge: it may be a repeat of the very correction that made the present one.
    """
    if seen.any or _tag(known.version) in seen.strong:
        return known.version
    # A weak tag never matches here (RFC 9110, 13.1.1), and what is no number was never a set's tag.
    versions = [int(match[1]) for tag in seen.strong if (match := _VERSION.fullmatch(tag)) is not None]
    if not versions:
        extra: dict[str, object] = {"number": known.number, "version": known.version}
        raise ProblemError("set-stale", "If-Match names no version of the set; strong ETags do.", extra=extra)
    return max(versions)


async def get_sets(call: Call) -> web.StreamResponse:
    """Sets of a session, detected and corrected apart."""
    person, session = await consented_holder(call)
    await call.await_position()
    read_side = call.context.services.read_side

    def ask() -> SetList | None:
        as_of = read_side.as_of()
        if not read_side.session(person.tenant, session, person.pseudonym):
            return None
        rows = read_side.sets(person.tenant, person.pseudonym, session)
        documents = tuple(
            SetDocument(
                number=row.number, version=row.version, start_ms=row.start_ms, end_ms=row.end_ms,
                detected=msgspec.convert(row.detected, LabelDocument),
                corrected=None if row.corrected is None else msgspec.convert(row.corrected, LabelDocument),
                source=Source(row.source), corrected_by=None if row.corrected_by is None else Source(row.corrected_by),
                confidence=row.confidence, deleted=row.deleted,
            )
            for row in rows
        )  # fmt: skip
        return SetList(sets=documents, as_of=token_of_all(as_of))

    sets = await call.context.blocking(ask)
    if sets is None:
        raise ProblemError("session-unknown")
    return json_response(sets)


async def get_set(call: Call) -> web.StreamResponse:
    """One set with its ETag: from the session itself, so never behind a write."""
    number = _set_number(call)
    person, session = await consented_holder(call)
    known = await _known_set(call, person, session, number)
    if has_it(call.request, _tag(known.version)):
        return web.Response(status=304, headers=_etag(known.version))
    document = SetDocument(
        number=known.number, version=known.version, start_ms=known.start_ms, end_ms=known.end_ms,
        detected=_label_document(known.detected),
        corrected=None if known.corrected is None else _label_document(known.corrected),
        source=known.source, corrected_by=known.corrected_by, confidence=known.confidence, deleted=known.deleted,
    )  # fmt: skip
    return json_response(document, 200, _etag(known.version))


async def _known_set(call: Call, person: Person, session: str, number: int) -> SessionSet:
    state = (await call.ask(person, ReadSession(at_ms=call.now_ms, by=call.principal.by, session=session))).reply
    if not isinstance(state, SessionState):
        raise TypeError("ReadSession answered something else")
    if state.status in (SessionStatus.NONE, SessionStatus.DELETED):
        raise ProblemError("session-unknown")
    if number > len(state.sets):
        raise ProblemError("set-unknown", f"The session has {len(state.sets)} sets.")
    return state.sets[number - 1]


def _set_number(call: Call) -> int:
    text = call.part("number")
    if not text.isascii() or not text.isdigit() or len(text) > 7 or not 1 <= int(text) <= MAX_SET_NUMBER:
        raise invalid_parameter("number", f"A whole number from 1 to {MAX_SET_NUMBER}.")
    return int(text)


def _label_document(label: SetLabel) -> LabelDocument:
    return LabelDocument(
        exercise=label.exercise, repetitions=label.repetitions, weight_kg=label.weight_kg, intensity=label.intensity,
        rest_s=label.rest_s,
    )  # fmt: skip


def _recorded(accepted: Accepted) -> SetRecorded:
    if not isinstance(accepted.reply, SetRecorded):
        raise TypeError("the command answered something else")
    return accepted.reply


def _set_answer(recorded: SetRecorded, accepted: Accepted) -> SetAnswer:
    position = token_of(accepted.at)
    return SetAnswer(number=recorded.number, version=recorded.version, created=recorded.created, position=position)


def _etag(version: int) -> dict[str, str]:
    return {"ETag": _tag(version)}


def _tag(version: int) -> str:
    return f'"{version}"'
