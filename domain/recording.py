"""Frames: what is stored, what is a repetition, what is kept aside. The hot path of the whole service.

The order of the checks is the contract: size and sequence number before anything looks at the bytes, repetitions before
anything is decoded (a watch that resends a whole session must be cheap), and only what decodes takes a key.
"""

from __future__ import annotations

import hashlib

import msgspec
from kinelog.codecs import frames as codec
from kinelog.codecs.errors import CodecError
from kinelog.codecs.values import Format, FrameSummary
from kinelog.domain.commands import IncomingFrame, RecordFrames
from kinelog.domain.decision import Decision
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event, FrameQuarantined, FrameRecorded, FrameRejected
from kinelog.domain.identifiers import DEVICE_PATTERN
from kinelog.domain.limits import Limits
from kinelog.domain.ranges import LATEST_MS
from kinelog.domain.received import DIGEST_BYTES
from kinelog.domain.replies import FrameOutcome, FramesRecorded, FrameStatus
from kinelog.domain.session import evolve_session, refused_session
from kinelog.domain.states import DeviceFrames, SessionState

CLOCKLESS = frozenset({Format.GFS, Format.MULTIPACKET, Format.GFS_FEFC, Format.GFS_FEF7})
"""Layouts that do not say when they start: the caller must."""

KEPT_BYTES = 4_096
"""How much of a frame that is kept aside is kept."""

DAY_MS = 86_400_000

_Judged = tuple[Event | None, FrameOutcome]


def frame_digest(data: bytes, start_ms: int | None) -> bytes:
    """8 bytes that tell the same frame again from another frame.

    Over the bytes and the start that the caller gave, not over the format: whether the caller names the layout or lets
    it be detected does not make another frame of the same bytes.
    """
    start = b"" if start_ms is None else b"%d" % start_ms
    # The start is the key and not a part of the message: no bytes of a frame can pass for a start.
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES, key=start).digest()


def decide_frames(stream: str, command: RecordFrames, session: SessionState, limits: Limits) -> Decision | Rejection:
    """Judge each frame by itself, against a session that has already taken the frames before it."""
    refused = refused_session(session)
    if refused is not None:
        return refused
    events: list[tuple[str, Event]] = []
    outcomes: list[FrameOutcome] = []
    for frame in command.frames:
        event, outcome = _judge(frame, command, session, limits)
        outcomes.append(outcome)
        if event is not None:
            events.append((stream, event))
            session = evolve_session(session, event)
    reply = FramesRecorded(tuple(outcomes), _high_water(command, session))
    return Decision(tuple(events), reply, session if events else None)


def _high_water(command: RecordFrames, session: SessionState) -> dict[str, int]:
    marks = {}
    for name in {frame.device: None for frame in command.frames}:
        entry = session.device(name)
        if entry is not None and entry.received.count:
            marks[name] = entry.received.high_water
    return marks


def _judge(frame: IncomingFrame, command: RecordFrames, session: SessionState, limits: Limits) -> _Judged:
    entry = session.device(frame.device)
    outcome = _refused_unread(frame, entry, session, limits)
    if outcome is not None:
        return None, outcome
    if frame.start_ms is not None and _has_clock(frame):
        # The bytes say when they start: what the caller says beside them must not make them another frame.
        frame = msgspec.structs.replace(frame, start_ms=None)
    digest = frame_digest(frame.data, frame.start_ms)
    if entry is not None:
        known = entry.received.digest_at(frame.sequence)
        if known == digest:
            return None, FrameOutcome(frame.device, frame.sequence, FrameStatus.DUPLICATE)
        if known is not None:
            return _conflict(frame, digest, command, entry, limits)
        if entry.received.count >= limits.frames_per_device:
            return None, _rejected(frame, "too-many-frames", f"at most {limits.frames_per_device} of one device")
    try:
        summary = codec.summarize(frame.data, frame.format)
    except CodecError as error:
        return _undecodable(frame, error, command, entry, limits)
    return _decoded(frame, digest, summary, command)


def _has_clock(frame: IncomingFrame) -> bool:
    try:
        return (frame.format or codec.detect(frame.data)) not in CLOCKLESS
    except CodecError:
        return False


def _refused_unread(
    frame: IncomingFrame, entry: DeviceFrames | None, session: SessionState, limits: Limits
) -> FrameOutcome | None:
    """Why a frame is refused before anything looks at its bytes, or None."""
    if len(frame.data) > limits.frame_bytes:
        return _rejected(frame, "frame-too-large", f"{len(frame.data)} bytes, at most {limits.frame_bytes}")
    high_water = -1 if entry is None else entry.received.high_water
    if not 0 <= frame.sequence <= high_water + limits.sequence_window:
        return _rejected(frame, "sequence-out-of-range", f"from 0 to {high_water + limits.sequence_window}")
    if frame.start_ms is not None and not 0 <= frame.start_ms < LATEST_MS:
        return _rejected(frame, "start-out-of-range", "expected Unix milliseconds")
    if entry is None and not DEVICE_PATTERN.fullmatch(frame.device):
        return _rejected(frame, "device-invalid", "up to 64 letters, digits and . _ - inside")
    if entry is None and len(session.devices) >= limits.devices_per_session:
        return _rejected(frame, "too-many-devices", f"at most {limits.devices_per_session} in one session")
    return None


def _decoded(frame: IncomingFrame, digest: bytes, summary: FrameSummary, command: RecordFrames) -> _Judged:
    clockless = summary.format in CLOCKLESS
    if clockless and frame.start_ms is None:
        # Not kept aside: the bytes are good, and the phone has them and the start.
        return None, _rejected(frame, "start-required", f"{summary.format} carries no clock: send the frame's start")
    event = FrameRecorded(
        at_ms=command.at_ms, by=command.by, device=frame.device, sequence=frame.sequence, digest=digest,
        start_ms=frame.start_ms if clockless else None, summary=summary, data=frame.data,
    )  # fmt: skip
    return event, FrameOutcome(frame.device, frame.sequence, FrameStatus.STORED)


def _undecodable(
    frame: IncomingFrame, error: CodecError, command: RecordFrames, entry: DeviceFrames | None, limits: Limits
) -> _Judged:
    outcome = _rejected(frame, error.code, error.detail, error.offset)
    if not _room_to_keep(entry, command.at_ms, limits):
        return None, outcome
    event = FrameRejected(
        at_ms=command.at_ms, by=command.by, device=frame.device, sequence=frame.sequence, error=error.code,
        offset=error.offset, detail=error.detail, data=frame.data[:KEPT_BYTES], size=len(frame.data),
    )  # fmt: skip
    return event, outcome


def _conflict(
    frame: IncomingFrame, digest: bytes, command: RecordFrames, entry: DeviceFrames, limits: Limits
) -> _Judged:
    detail = "another frame is stored under this number; the first stays"
    outcome = FrameOutcome(frame.device, frame.sequence, FrameStatus.CONFLICT, "frame-conflict", None, detail)
    if not _room_to_keep(entry, command.at_ms, limits):
        return None, outcome
    event = FrameQuarantined(
        at_ms=command.at_ms, by=command.by, device=frame.device, sequence=frame.sequence, digest=digest,
        data=frame.data[:KEPT_BYTES], size=len(frame.data),
    )  # fmt: skip
    return event, outcome


def _room_to_keep(entry: DeviceFrames | None, at_ms: int, limits: Limits) -> bool:
    # A clock that steps back to yesterday must not open a new allowance: only a later day does.
    if entry is None or at_ms // DAY_MS > entry.kept_day:
        return limits.kept_rejects_per_device_day > 0
    return entry.kept_that_day < limits.kept_rejects_per_device_day


def _rejected(frame: IncomingFrame, code: str, detail: str, offset: int | None = None) -> FrameOutcome:
    return FrameOutcome(frame.device, frame.sequence, FrameStatus.REJECTED, code, offset, detail)
