"""Frames in: one by one (the hot path), in batches, as a MultiPacket; and what is stored of them."""

from __future__ import annotations

from aiohttp import web
from kinelog.actors.answers import Accepted, LogPosition
from kinelog.api.call import Call
from kinelog.api.documents import (
    BatchAnswer,
    DeviceFramesDocument,
    FrameAnswer,
    FramesDocument,
    RefusedFrame,
    RejectDocument,
)
from kinelog.api.frame_batches import chunks, frames_of
from kinelog.api.json_body import JSON, encode_json, json_response
from kinelog.api.parameters import MAX_UNIX_MS, format_named, matching, sequence_number, session_id
from kinelog.api.positions import later, token_of
from kinelog.api.problem_catalogue import TYPE_PREFIX
from kinelog.api.problems import ProblemError, ProblemPart, invalid_parameter
from kinelog.api.request_body import read_body
from kinelog.api.whose import consented_holder, holder
from kinelog.codecs.values import Format
from kinelog.domain.commands import IncomingFrame, ReadSession, RecordFrames
from kinelog.domain.identifiers import DEVICE_PATTERN, Person
from kinelog.domain.replies import FrameOutcome, FramesRecorded, FrameStatus
from kinelog.domain.states import DeviceFrames, SessionState, SessionStatus
from kinelog.projections.errors import ViewsUnavailableError

MSGPACK = "application/msgpack"
MULTIPACKET = "application/vnd.lift.multipacket"
OCTETS = "application/octet-stream"
LISTED_RANGES = 1_000
LISTED_REJECTS = 100

# A form's type is what curl and others say of any body that they are not told the type of.
_FRAME_MEDIA = {None, OCTETS, MULTIPACKET, "application/x-www-form-urlencoded"}
_MSGPACK_MEDIA = {MSGPACK, "application/x-msgpack", "application/vnd.msgpack"}
_STATUS = {FrameStatus.STORED: 201, FrameStatus.DUPLICATE: 200}


# ── one frame ────────────────────────────────────────────────────────────────────────────────────────────────────


async def put_frame(call: Call) -> web.StreamResponse:
    """Record one frame, whose bytes are the body."""
    request = call.request
    match = request.match_info
    principal = call.principal
    myself = principal.myself
    if myself is not None and "user" not in match:
        person, session = myself, session_id(match["session"])
    else:
        person, session = await holder(call)
    device = matching("device", match["device"], DEVICE_PATTERN)
    sequence = sequence_number(match["seq"])
    layout, start_ms = _layout_and_start(call) if request.rel_url.raw_query_string else (None, None)
    if request.headers.get("Content-Type") not in _FRAME_MEDIA:
        raise ProblemError("unsupported-media-type", f"Send the frame's bytes as {OCTETS}.")
    settings = call.context.services.settings
    data = await read_body(request, settings.frame_body_bytes, settings.body_timeout_s)
    frame = IncomingFrame(device, sequence, data, layout, start_ms)
    command = RecordFrames(at_ms=call.now_ms, by=principal.by, session=session, frames=(frame,))
    accepted = await call.ask(person, command)
    return _single_answer(call, accepted)


def _layout_and_start(call: Call) -> tuple[Format | None, int | None]:
    return format_named(call.query("format")), call.query_number("start", MAX_UNIX_MS)


def _single_answer(call: Call, accepted: Accepted) -> web.Response:
    reply = accepted.reply
    if not isinstance(reply, FramesRecorded):
        raise TypeError("RecordFrames answered something else")
    outcome = reply.outcomes[0]
    call.context.meters.count_frames(outcome.status, 1)
    status = _STATUS.get(outcome.status)
    if status is None:
        raise _problem_of_outcome(outcome)
    high_water = reply.high_water.get(outcome.device, outcome.sequence)
    answer = FrameAnswer(status=outcome.status, high_water=high_water, position=token_of(accepted.at))
    return web.Response(body=encode_json(answer), status=status, content_type=JSON)


def _problem_of_outcome(outcome: FrameOutcome) -> ProblemError:
    part = ProblemPart(outcome.detail or "", offset=outcome.offset) if outcome.offset is not None else None
    return ProblemError(outcome.error or "undecodable", outcome.detail, part=part)


# ── many frames ──────────────────────────────────────────────────────────────────────────────────────────────────


async def post_frames(call: Call) -> web.StreamResponse:
    """Record a batch, each frame judged by itself."""
    media = call.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media not in _MSGPACK_MEDIA and media != MULTIPACKET:
        raise ProblemError("unsupported-media-type", f"Send {MSGPACK} or {MULTIPACKET}.")
    layout, start_ms = _layout_and_start(call)
    person, session = await holder(call)
    settings = call.context.services.settings
    if media == MULTIPACKET:
        frames = [await _multipacket(call, layout, start_ms)]
    else:
        body = await read_body(call.request, settings.batch_body_bytes, settings.body_timeout_s, settings.batch_bytes)
        frames = frames_of(body, settings, layout, start_ms)
    if not frames:
        raise ProblemError("nothing-usable", "The batch is empty.")
    return await _record(call, person, session, frames)


async def _multipacket(call: Call, layout: Format | None, start_ms: int | None) -> IncomingFrame:
    # It names neither device nor time, and its own timestamp is a mere counter.
    device, sequence = call.query("device"), call.query("seq")
    for name, given in (("device", device), ("seq", sequence), ("start", start_ms)):
        if given is None:
            raise invalid_parameter(name, "Required with a MultiPacket, which does not carry it.")
    settings = call.context.services.settings
    data = await read_body(call.request, settings.frame_body_bytes, settings.body_timeout_s)
    name = matching("device", device or "", DEVICE_PATTERN)
    return IncomingFrame(name, sequence_number(sequence or ""), data, layout or Format.MULTIPACKET, start_ms)


async def _record(call: Call, person: Person, session: str, frames: list[IncomingFrame]) -> web.Response:
    outcomes: list[FrameOutcome] = []
    high_water: dict[str, int] = {}
    at: LogPosition | None = None
    for piece in chunks(frames, call.context.services.settings):
        command = RecordFrames(at_ms=call.now_ms, by=call.principal.by, session=session, frames=piece)
        # A piece that cannot be stored now fails the request; those before it are in the log, and sending all of it
        # again finds them as duplicates.
        accepted = await call.ask(person, command)
        reply = accepted.reply
        if not isinstance(reply, FramesRecorded):
            raise TypeError("RecordFrames answered something else")
        outcomes += reply.outcomes
        high_water |= reply.high_water
        at = later(at, accepted.at)
    if at is None:
        raise ProblemError("nothing-usable", "The batch is empty.")
    return _batch_answer(call, outcomes, high_water, at)


def _batch_answer(
    call: Call, outcomes: list[FrameOutcome], high_water: dict[str, int], at: LogPosition
) -> web.Response:
    stored = sum(outcome.status is FrameStatus.STORED for outcome in outcomes)
    duplicate = sum(outcome.status is FrameStatus.DUPLICATE for outcome in outcomes)
    refused = tuple(_refused(outcome) for outcome in outcomes if outcome.status not in _STATUS)
    meters = call.context.meters
    for name, number in (("stored", stored), ("duplicate", duplicate), ("refused", len(refused))):
        meters.count_frames(name, number)
    if not stored and not duplicate:
        extra: dict[str, object] = {"rejected": refused, "high_water": high_water}
        first = refused[0]
        part = ProblemPart(first.detail or "", pointer="/0", offset=first.offset)
        if all(outcome.status is FrameStatus.CONFLICT for outcome in outcomes):
            raise ProblemError(
                "frame-conflict", "Each number holds another frame; the first stays.", part=part, extra=extra
            )
        raise ProblemError("nothing-usable", "Each frame of the batch was refused.", part=part, extra=extra)
    answer = BatchAnswer(
        accepted=stored, duplicate=duplicate, rejected=refused, high_water=high_water, position=token_of(at)
    )
    return json_response(answer)


def _refused(outcome: FrameOutcome) -> RefusedFrame:
    code = outcome.error or "undecodable"
    return RefusedFrame(
        device=outcome.device, seq=outcome.sequence, type=TYPE_PREFIX + code, detail=outcome.detail,
        offset=outcome.offset,
    )  # fmt: skip


# ── what is stored ───────────────────────────────────────────────────────────────────────────────────────────────


async def get_frames(call: Call) -> web.StreamResponse:
    """High water and gaps of each device from the session itself, so never behind a write; rejects from the views."""
    person, session = await consented_holder(call)
    accepted = await call.ask(person, ReadSession(at_ms=call.now_ms, by=call.principal.by, session=session))
    state = accepted.reply
    if not isinstance(state, SessionState):
        raise TypeError("ReadSession answered something else")
    if state.status in (SessionStatus.NONE, SessionStatus.DELETED):
        raise ProblemError("session-unknown")
    rejects = await _rejects(call, person, session)
    devices = {entry.device: _device_frames(entry) for entry in state.devices}
    return json_response(
        FramesDocument(
            session=session, status=state.status, devices=devices, rejects=rejects, position=token_of(accepted.at)
        )
    )


async def _rejects(call: Call, person: Person, session: str) -> tuple[RejectDocument, ...]:
    context = call.context
    try:
        rows = await context.blocking(
            context.services.read_side.rejects, person.tenant, person.pseudonym, session, LISTED_REJECTS
        )
    except ViewsUnavailableError:
        # A phone that asks what is missing must not wait for tables to be built: the counts have it all.
        return ()
    return tuple(
        RejectDocument(
            device=row.device, seq=row.sequence, type=TYPE_PREFIX + row.error, offset=row.offset, detail=row.detail,
            size=row.size, at_ms=row.at_ms,
        )
        for row in rows
    )  # fmt: skip


def _device_frames(entry: DeviceFrames) -> DeviceFramesDocument:
    return DeviceFramesDocument(
        high_water=entry.received.high_water,
        stored=entry.received.count,
        expected=entry.expected,
        missing=tuple((gap.first, gap.last) for gap in entry.missing(LISTED_RANGES)),
        rejected=entry.rejected,
        quarantined=entry.quarantined,
    )
