"""`samples_by_session`: the sensor data expanded, one row about a second and sensor, and each sensor's measured clock.

A row holds what its own frame says: bytes, start, offset in the block. What takes many frames to know, the measured
rate and the start of frames whose clock has whole seconds only, is kept beside it, one row a sensor of a session, and
the two meet on reading. So a late frame changes two rows and not all rows of the session, and every reader gets the
best measurement there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from kinelog.codecs import frames
from kinelog.codecs.bulk import decode_payloads, packed_payload
from kinelog.codecs.layouts import LAYOUTS
from kinelog.codecs.packed_samples import SAMPLES_13
from kinelog.codecs.values import DECODER_VERSION, BlockSummary, Format, Samples, SensorKind
from kinelog.domain.events import Event, FrameRecorded, block_start_ms
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.tables import Key, Record, Table
from kinelog.projections.views.sample_clock import Run, add_frame
from kinelog.projections.views.session_card import is_full

Decoded = tuple[BlockSummary, Samples]
StoredBlock = tuple[BlockSummary, bytes]

STORED_TYPES = {SensorKind.ACCELEROMETER: "<i2", SensorKind.GYROSCOPE: "<f4", SensorKind.HEART_RATE: "<i2"}
"""How samples are stored, whatever machine runs this: milli-g, rad/s and beats a minute."""

_ROW_BYTES = 6
"""Of one accelerometer sample, stored."""

WHOLE_SECONDS_MS = 1000


class StoredSamples(Record):
    """About a second of one sensor.

    Attributes:
        start_ms: Start of the block, see `block_start_ms`.
        sequence: The frame's number; `part` counts the frame's rows.
        offset: Samples between `start_ms` and the first one here.
        count: Rows of samples here; `samples` holds them row by row, see `STORED_TYPES`.
        block_count: Samples of the block that begins here, 0 for rows that go on with one.
        duration_ms: How long that block says it lasted.
    """

    start_ms: int
    device: str
    sequence: int
    part: int
    kind: str
    location: str
    format: str
    rate_hz: int
    offset: int
    count: int
    block_count: int
    duration_ms: int | None
    samples: bytes


class StoredClock(Record):
    """What one sensor's clock was measured at. `location` is empty where the format names none.

    Attributes:
        rate_hz: The nominal rate, or what is reckoned with where frames say none; `resolution_ms`: what the starts are
            cut to, by all that were seen.
        full_samples: Samples of full blocks that took `full_ms` together.
        longest_ms: The longest frame in nominal time: how far before an interval a frame that reaches into it may
            begin.
        runs: Frames that only say when they began.
    """

    device: str
    kind: str
    location: str
    rate_hz: int
    resolution_ms: int
    full_samples: int
    full_ms: int
    longest_ms: int
    runs: list[Run]


SAMPLES = Table("samples_by_session", StoredSamples, key=("entity", "start_ms", "device", "sequence", "part"))
CLOCKS = Table("sample_clocks", StoredClock, key=("entity", "device", "kind", "location", "rate_hz"))


def resolution_of(event: FrameRecorded, start_ms: int) -> int:
    """What a frame's start is cut to, in milliseconds: `ae` writes whole seconds in a field that could hold more."""
    whole = event.summary.format is Format.AE and start_ms % WHOLE_SECONDS_MS == 0
    return WHOLE_SECONDS_MS if whole else 1


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """Expand a frame and let it tell its clocks."""
    if not isinstance(event, FrameRecorded):
        return
    chained: dict[Key, tuple[StoredClock, int, int]] = {}  # clock, start and samples of this frame's blocks so far
    part = 0
    for info, stored in stored_blocks(rows, event):
        if info.count == 0:
            continue
        start = block_start_ms(event, info)
        clock = _clock(rows, at.entity, event, info)
        clock.resolution_ms = min(clock.resolution_ms, resolution_of(event, start))
        offset = 0
        if info.duration_ms is None:  # blocks of one sensor that do not place themselves follow one another
            key = CLOCKS.key_of(clock)
            _, start, offset = chained.get(key, (clock, start, 0))
            chained[key] = (clock, start, offset + info.count)
        elif is_full(info):
            clock.full_samples += info.count
            clock.full_ms += info.duration_ms
        clock.longest_ms = max(clock.longest_ms, (offset + info.count) * 1000 // info.pace_hz)
        rows.put(CLOCKS, clock)
        part = _append_rows(rows, at.entity, event, (info, stored), start, offset, part)
    for clock, start, count in chained.values():
        frame = Run(event.sequence, event.sequence, start, start, count)
        add_frame(clock.runs, frame, clock.rate_hz, clock.resolution_ms)


def prepare(events: Iterable[Event]) -> dict[int, bytes]:
    """Unpack the frames of a batch in one go: numpy's price is by the call, and a frame has few samples."""
    wanted: list[int] = []
    payloads: list[bytes] = []
    for event in events:
        if type(event) is FrameRecorded and event.summary.decoder == DECODER_VERSION:
            payload = packed_payload(event.data, event.summary)
            if payload is not None:
                wanted.append(id(event))
                payloads.append(payload)
    stored = decode_payloads(payloads).astype(STORED_TYPES[SensorKind.ACCELEROMETER], copy=False).tobytes()
    ends = accumulate(len(payload) // SAMPLES_13.word_bytes * _ROW_BYTES for payload in payloads)
    begin = 0
    prepared = {}
    for number, end in zip(wanted, ends, strict=True):
        prepared[number] = stored[begin:end]
        begin = end
    return prepared


def stored_blocks(rows: Rows, event: FrameRecorded) -> Iterable[StoredBlock]:
    """The blocks of a frame with their samples as they are stored."""
    prepared = rows.prepared(event)
    if prepared is not None:
        return ((event.summary.blocks[0], prepared),)
    return ((info, samples.astype(STORED_TYPES[info.kind], copy=False).tobytes()) for info, samples in decoded(event))


def decoded(event: FrameRecorded) -> Iterable[Decoded]:
    """The blocks of a frame.

    A summary that this very decoder made needs no second look at the bytes: they are as they were when it was made, or
    the event would not have opened. Any other is made anew, which is how a rebuild mends a decoder's mistake.
    """
    summary = event.summary
    if summary.decoder == DECODER_VERSION:
        return zip(summary.blocks, LAYOUTS[summary.format].samples(event.data, summary), strict=True)
    return ((block.summary, block.samples) for block in frames.decode(event.data, summary.format).blocks)


def _clock(rows: Rows, entity: str, event: FrameRecorded, block: BlockSummary) -> StoredClock:
    kind, location = block.kind.value, block.location or ""
    clock = rows.of(CLOCKS, entity).get((entity, event.device, kind, location, block.pace_hz))
    if clock is None:
        clock = StoredClock(entity, event.device, kind, location, block.pace_hz, WHOLE_SECONDS_MS, 0, 0, 0, [])
    return clock


def _append_rows(
    rows: Rows, entity: str, event: FrameRecorded, block: StoredBlock, start: int, offset: int, part: int
) -> int:
    info, stored = block
    step = info.pace_hz
    width = len(stored) // info.count
    for first in range(0, info.count, step):
        begins = first == 0
        rows.append(
            SAMPLES,
            (
                entity, start, event.device, event.sequence, part, info.kind.value, info.location or "",
                event.summary.format.value, info.pace_hz, offset + first, min(step, info.count - first),
                info.count if begins else 0, info.duration_ms if begins else None,
                stored[first * width : (first + step) * width],
            ),
        )  # fmt: skip
        part += 1
    return part


SAMPLES_BY_SESSION = view("samples_by_session", 2, (SAMPLES, CLOCKS), (FrameRecorded,), fold, prepare=prepare)
