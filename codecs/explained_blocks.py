"""Explanations of the layouts made of blocks: gfs, MultiPacket, muvr16 and the two oldest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kinelog.codecs import gfs, historic_gfs, multipacket, muvr16
from kinelog.codecs.explained_fields import ExplainedField, View, header_fields, packed_fields, run_of, whole_field
from kinelog.codecs.packed_samples import SAMPLES_13, PackedSamples
from kinelog.codecs.units import PACKED_PER_RAD_S
from kinelog.codecs.values import SensorKind

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def calendar_time(unix_ms: int) -> str:
    """A time as a calendar shows it, or that no calendar does."""
    try:
        return (_UNIX_EPOCH + timedelta(milliseconds=unix_ms)).isoformat(timespec="milliseconds")
    except OverflowError:
        return "beyond any calendar"


def packed_meaning(kind: SensorKind, value: int) -> str:
    """What a packed value says."""
    if kind is SensorKind.GYROSCOPE:
        return f"{value / PACKED_PER_RAD_S} rad/s"
    return f"{value} mg" if kind is SensorKind.ACCELEROMETER else f"{value} bpm"


def packed_run(view: View, packed: PackedSamples, at: int, count: int, kind: SensorKind) -> Iterator[ExplainedField]:
    """The samples of a block, bit by bit."""

    def one(number: int, start: int) -> Iterator[ExplainedField]:
        return packed_fields(
            view,
            packed,
            start,
            lambda axis: f"[{number}].{packed.layout.fields[axis].name}",
            lambda _, value: packed_meaning(kind, value),
        )

    return run_of(view, at, packed.word_bytes, count, one)


def _say_gfs(name: str, value: object) -> str | None:
    if name == "type" and isinstance(value, int):
        return f"{value:#04x} {gfs.KIND_OF_TYPE.get(value, 'is none that is specified')}"
    return None


def explain_gfs(view: View, at: int = 0) -> Iterator[ExplainedField]:
    """Blocks up to the end of the view."""
    while at < view.end:
        yield from header_fields(view, gfs.HEADER, at, _say_gfs)
        if view.end - at < gfs.HEADER.size:
            return
        type_, count, *_ = gfs.HEADER.unpack_from(view.data, at)
        at += gfs.HEADER.size
        kind = gfs.KIND_OF_TYPE.get(type_)
        if kind is None:
            # In a MultiPacket the walk goes on: a fault of the envelope behind this payload is reported first.
            if at < view.end:
                yield whole_field(view, at, view.end - at, "payload", "", "of no type that is specified")
            return
        yield from packed_run(view, SAMPLES_13, at, count, kind)
        at += SAMPLES_13.word_bytes * count


def _say_multipacket(name: str, value: object) -> str | None:
    if name == "magic" and isinstance(value, int):
        return f"{value:#06x} found"
    if name == "location" and isinstance(value, int):
        return multipacket.NAME_OF_LOCATION.get(value, "none that is known")
    return None


def explain_multipacket(view: View) -> Iterator[ExplainedField]:
    """The envelope, each packet followed by its blocks."""
    yield from header_fields(view, multipacket.HEADER, 0, _say_multipacket)
    at = multipacket.HEADER.size
    if view.end < at:
        return
    for _ in range(view.data[2]):
        yield from header_fields(view, multipacket.PACKET_HEADER, at, _say_multipacket)
        start = at + multipacket.PACKET_HEADER.size
        if view.end < start:
            return
        size, _ = multipacket.PACKET_HEADER.unpack_from(view.data, at)
        at = start + size
        yield from explain_gfs(view.until(at), start)
    if at < view.end:
        yield whole_field(view, at, view.end - at, "trailing", "", "bytes behind the last packet")


def _say_muvr16(name: str, value: object) -> str | None:
    if not isinstance(value, int):
        return None
    if name == "type":
        return f"{value:#04x} {muvr16.KIND_OF_TYPE.get(value, 'is none that is specified')}"
    if name == "device":
        return f"{value:#04x} {muvr16.DEVICE_OF_BYTE.get(value, 'unknown')}"
    return calendar_time(value) if name == "timestamp" else None


def explain_muvr16(view: View) -> Iterator[ExplainedField]:
    """Blocks up to the end, or the one of a stopped watch."""
    at = 0
    while at < view.end:
        yield from header_fields(view, muvr16.HEADER, at, _say_muvr16)
        samples_at = at + muvr16.HEADER.size
        if view.end < samples_at:
            return
        type_, count, *_ = muvr16.HEADER.unpack_from(view.data, at)
        kind = muvr16.KIND_OF_TYPE.get(type_)
        if kind is None:
            return
        if view.end == muvr16.DEAD_SIZE and count == 0:
            yield whole_field(view, samples_at, 1, "stopped", str(view.data[samples_at]), "the watch says it stopped")
            return
        if kind is SensorKind.HEART_RATE:
            yield from run_of(view, samples_at, 1, count, lambda number, start: (_beats(view, number, start),))
        else:
            yield from packed_run(view, SAMPLES_13, samples_at, count, kind)
        at = samples_at + muvr16.SAMPLE_SIZE[kind] * count


def _beats(view: View, number: int, at: int) -> ExplainedField:
    value = view.data[at]
    return whole_field(view, at, 1, f"[{number}]", str(value), f"{value} bpm")


def explain_historic(view: View, layout: historic_gfs.HistoricGfs) -> Iterator[ExplainedField]:
    """One header and one run of samples."""
    yield from header_fields(view, historic_gfs.HEADER, 0, lambda _name, _value: None)
    at = historic_gfs.HEADER.size
    if view.end < at:
        return
    _, count, _ = historic_gfs.HEADER.unpack_from(view.data)
    yield from packed_run(view, layout.packed, at, count, SensorKind.ACCELEROMETER)
    at += layout.packed.word_bytes * count
    if at < view.end:
        yield whole_field(view, at, view.end - at, "trailing", "", "bytes behind the samples")
