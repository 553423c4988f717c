"""Explanations of the tagged layouts: ae, ad and their two historic relatives."""

from __future__ import annotations

from collections.abc import Iterator

from kinelog.codecs.clocks import start_of_seconds
from kinelog.codecs.explained_blocks import calendar_time, packed_meaning
from kinelog.codecs.explained_fields import ExplainedField, View, header_fields, packed_fields, run_of, whole_field
from kinelog.codecs.packed_samples import SAMPLES_13
from kinelog.codecs.tagged import HEADER, LOCATION_OF_SIDE, SENSOR_OF_LETTER, SENSOR_OF_TAG, Sensor, TaggedLayout
from kinelog.codecs.tagged_values import FloatValues, PackedValues
from kinelog.codecs.units import DIMENSIONS
from kinelog.codecs.values import SensorKind

_FLOAT_UNIT = {SensorKind.ACCELEROMETER: "g", SensorKind.GYROSCOPE: "rad/s", SensorKind.HEART_RATE: "bpm"}
_AXES = "xyz"


def explain_tagged(view: View, layout: TaggedLayout) -> Iterator[ExplainedField]:
    """Header, tags, values, and what is behind them."""

    def say(name: str, value: object) -> str | None:
        if name == "start" and isinstance(value, float):
            return _say_start(value, layout.epoch_ms)
        return "rows" if name == "count" and layout.counts_rows else None

    yield from header_fields(view, layout.header, 0, say)
    if view.end < HEADER.size:
        return
    tag_count, _, _, count = layout.read_header(view.data)
    tags = []
    at = HEADER.size
    for number in range(tag_count):
        if at >= view.end:
            return
        yield from _tag_fields(view, layout, number, at)
        tag = SENSOR_OF_TAG.get(view.data[at : at + 3])
        if tag is None or at + layout.tag_bytes > view.end:
            return
        tags.append(tag)
        at += layout.tag_bytes
    if tags:
        yield from _value_fields(view, layout, tags, count, at)


def _say_start(seconds: float, epoch_ms: int) -> str:
    start_ms = start_of_seconds(seconds, epoch_ms)
    return "no time" if start_ms is None else calendar_time(start_ms)


def _tag_fields(view: View, layout: TaggedLayout, number: int, at: int) -> Iterator[ExplainedField]:
    parts = (
        ("mark", "t"),
        ("sensor", "a accelerometer, g gyroscope, h heart rate"),
        ("side", "l left, r right, - none"),
        ("ignored", "ignored"),
    )
    for byte, (name, meaning) in enumerate(parts[: layout.tag_bytes]):
        where = at + byte
        if where >= view.end:
            return
        value = view.data[where]
        said = {"sensor": SENSOR_OF_LETTER.get(value), "side": LOCATION_OF_SIDE.get(value)}.get(name)
        yield whole_field(view, where, 1, f"tag[{number}].{name}", repr(chr(value)), said or meaning)


def _value_fields(
    view: View, layout: TaggedLayout, tags: list[Sensor], count: int, at: int
) -> Iterator[ExplainedField]:
    names = [(tag.kind, axis) for tag in tags for axis in range(DIMENSIONS[tag.kind])]
    value_count = count * len(names) if layout.counts_rows else count
    if isinstance(layout.values, PackedValues):
        yield from run_of(
            view, at, SAMPLES_13.word_bytes, -(-value_count // 3), lambda word, start: _word(view, names, word, start)
        )
    else:
        yield from run_of(
            view,
            at,
            layout.values.size_of(len(names)),
            -(-value_count // len(names)),
            lambda row, start: _row(view, layout, names, row, start),
        )
    end = at + layout.values.size_of(value_count)
    if count == 0 and view.end == at + 1:
        yield whole_field(view, at, 1, "stopped", str(view.data[at]), "the watch says it stopped")
    elif end < view.end:
        yield whole_field(view, end, view.end - end, "trailing", "", "bytes behind the last row")


def _value_name(names: list[tuple[SensorKind, int]], value: int) -> str:
    row, column = divmod(value, len(names))
    kind, axis = names[column]
    own = kind.value if kind is SensorKind.HEART_RATE else _AXES[axis]
    several = len(names) > 3 and kind is not SensorKind.HEART_RATE
    return f"[{row}].{kind.value}[{column}].{own}" if several else f"[{row}].{own}"


def _word(view: View, names: list[tuple[SensorKind, int]], word: int, at: int) -> Iterator[ExplainedField]:
    return packed_fields(
        view,
        SAMPLES_13,
        at,
        lambda axis: _value_name(names, 3 * word + axis),
        lambda axis, value: packed_meaning(names[(3 * word + axis) % len(names)][0], value),
    )


def _row(
    view: View, layout: TaggedLayout, names: list[tuple[SensorKind, int]], row: int, at: int
) -> Iterator[ExplainedField]:
    size = layout.values.size_of(1)
    for column, (kind, _) in enumerate(names):
        start = at + size * column
        value = layout.values.read(view.data, start, 1)[0].item()
        if isinstance(layout.values, FloatValues):
            meaning = f"{value!r} {_FLOAT_UNIT[kind]}"
        else:
            meaning = packed_meaning(kind, int(value))
        yield whole_field(view, start, size, _value_name(names, row * len(names) + column), repr(value), meaning)
