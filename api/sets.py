"""Sets of a session: labelled as recognised or entered, corrected by people, read back."""

from __future__ import annotations

import msgspec
from aiohttp import web
from kinelog.actors.answers import Accepted, LogPosition
from kinelog.api.call import Call
from kinelog.api.documents import LabelDocument, LabelOutcome, LabelsAnswer, SetAnswer, SetDocument, SetList
from kinelog.api.json_body import json_response
from kinelog.api.parameters import MAX_SET_NUMBER, set_version
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
    version = set_version(call.request.headers.get("If-Match"))
    number = _set_number(call)
    person, session = await consented_holder(call)
    body = await call.body(CorrectSetRequest)
    known = await _known_set(call, person, session, number)
    source = Source.PERSON if body.source is None and call.principal.role is Role.DEVICE else _source(call, body.source)
    command = CorrectSet(
        at_ms=call.now_ms, by=call.principal.by, session=session, number=number, version=version,
        label=body.applied_to(known.label), source=source, deleted=body.deleted,
    )  # fmt: skip
    accepted = await _ask_flat(call, person, command)
    recorded = _recorded(accepted)
    return json_response(_set_answer(recorded, accepted), 200, _etag(recorded.version))


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
    return {"ETag": f'"{version}"'}
