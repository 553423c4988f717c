"""The broken frames of the fuzz command: good ones of every layout, then bitten, each named by a seed and a number."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import numpy as np
from kinelog.codecs.encoding import encode, make_block
from kinelog.codecs.values import Block, DeviceKind, Format, Samples, SensorKind

_INTERESTING = bytes(
    (0x00, 0x01, 0x05, 0x7F, 0x80, 0xAD, 0xBD, 0xCD, 0xDD, 0xED, 0xF0, 0xFF, 0x61, 0x64, 0x65, 0xCA, 0xB1)
)
_WIDE = (0, 1, 3, 149, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_DOUBLES = (float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 1e12, 2.6e11, -0.0, 5e-324)
_FLOATS = tuple(
    struct.pack("<I", bits) for bits in (0x7FC00000, 0x7F800001, 0x7F800000, 0xFF800000, 1, 0x80000000)
) + tuple(struct.pack("<f", value) for value in (32.767, 32.7675, 32.768, -32.7685, 255.5, -0.5, 3e38))
"""Among them a signalling NaN, the bounds of int16 in g and the bounds of a heart rate."""
_LOCATIONS = ("wrist", "waist", "chest", "foot", "any")
_SIDES = ("left-wrist", "right-wrist")
_TAGGED = frozenset({Format.AE, Format.AD, Format.AD_INT16, Format.AD_LEGACY19})
_SINGLE = frozenset({Format.GFS_FEFC, Format.GFS_FEF7})


def case_of(seed: int, number: int) -> tuple[bytes, Format | None]:
    """The bytes of a case, and the layout under which they are read (None to detect it)."""
    source = random.Random(f"{seed}/{number}")  # noqa: S311 - reproducible, not secret
    if source.random() < 0.03:
        return source.randbytes(source.randrange(0, 80)), source.choice((None, *Format))
    own = source.choice(tuple(Format))
    data = bytearray(_good_frame(source, own))
    for _ in range(source.choice((0, 1, 1, 1, 2, 2, 3, 6))):
        source.choice(_MUTATIONS)(source, data)
    named = source.choices((own, None, source.choice(tuple(Format))), (70, 25, 5))[0]
    return bytes(data), named


def _good_frame(source: random.Random, own: Format) -> bytes:
    rate_hz = source.choice((1, 10, 25, 50, 100, 255))
    if own in _TAGGED:
        return _good_tagged_frame(source, own, source.choice((0, rate_hz, rate_hz)))
    kinds = [SensorKind.ACCELEROMETER] if own in _SINGLE else [SensorKind.ACCELEROMETER, SensorKind.GYROSCOPE]
    if own is Format.MUVR16:
        kinds.append(SensorKind.HEART_RATE)
    blocks = []
    for _ in range(1 if own in _SINGLE else source.choice((1, 1, 2, 5))):
        samples = _samples(source, source.choice(kinds), source.choice((0, 1, 3, 50)))
        location = source.choice(_LOCATIONS) if own is Format.MULTIPACKET else None
        blocks.append(_block(source, samples, rate_hz, location))
    dead = own is Format.MUVR16 and len(blocks[0].samples) == 0 and len(blocks) == 1
    return encode(own, blocks, device=source.choice((DeviceKind.PEBBLE, DeviceKind.PHONE)), dead=dead)


def _good_tagged_frame(source: random.Random, own: Format, rate_hz: int) -> bytes:
    rows = 3 * source.choice((0, 0, 1, 5, 16))
    start_ms = source.randrange(0, 2_000_000_000_000)
    kinds = [source.choice(tuple(SensorKind)) for _ in range(source.choice((1, 1, 1, 2, 4)))]
    blocks = []
    for kind in kinds:
        place = None if kind is SensorKind.HEART_RATE else source.choice(_SIDES)
        blocks.append(make_block(kind, _samples(source, kind, rows), rate_hz, place, start_ms=start_ms))
    return encode(own, blocks, dead=rows == 0 and len(blocks) == 1)


def _block(source: random.Random, samples: Samples, rate_hz: int, location: str | None) -> Block:
    kind = SensorKind.HEART_RATE if samples.shape[1] == 1 else SensorKind.ACCELEROMETER
    if samples.dtype == np.float64:
        kind = SensorKind.GYROSCOPE
    sequence, start_ms, duration_ms = source.randrange(256), source.randrange(2**40), source.randrange(2**16)
    return make_block(kind, samples, rate_hz, location, sequence=sequence, start_ms=start_ms, duration_ms=duration_ms)


def _samples(source: random.Random, kind: SensorKind, rows: int) -> Samples:
    if kind is SensorKind.HEART_RATE:
        return np.frombuffer(source.randbytes(rows), np.uint8).reshape(-1, 1).astype(np.int16)
    words = np.frombuffer(source.randbytes(6 * rows), np.int16).reshape(-1, 3) >> 3
    return words / 100 if kind is SensorKind.GYROSCOPE else words


def _flip(source: random.Random, data: bytearray) -> None:
    if data:
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)


def _put_interesting(source: random.Random, data: bytearray) -> None:
    if data:
        data[min(int(source.expovariate(0.15)), len(data) - 1)] = source.choice(_INTERESTING)


def _put_wide(source: random.Random, data: bytearray) -> None:
    at = source.choice((1, 2, 4, 6, 12, source.randrange(len(data) + 1)))
    value = struct.pack(source.choice(("<I", ">I")), source.choice(_WIDE))
    data[at : at + 4] = value[: max(0, len(data) - at)]


def _put_float(source: random.Random, data: bytearray) -> None:
    at, packed = source.choice(
        (
            (source.choice((3, 4)), struct.pack("<d", source.choice(_DOUBLES))),
            (20 + 4 * source.randrange(20), source.choice(_FLOATS)),
        )
    )
    if at + len(packed) <= len(data):
        data[at : at + len(packed)] = packed


def _cut(source: random.Random, data: bytearray) -> None:
    del data[source.randrange(len(data) + 1) :]


def _grow(source: random.Random, data: bytearray) -> None:
    data += source.choice((b"\0", b"\xad", source.randbytes(source.randrange(1, 12)), bytes(data[:32])))


def _remove(source: random.Random, data: bytearray) -> None:
    at = source.randrange(len(data) + 1)
    del data[at : at + source.randrange(1, 8)]


def _double(source: random.Random, data: bytearray) -> None:
    at = source.randrange(len(data) + 1)
    data[at:at] = data[at : at + source.randrange(1, 40)]


_MUTATIONS: tuple[Callable[[random.Random, bytearray], None], ...] = (
    _flip, _flip, _put_interesting, _put_interesting, _put_wide, _put_float, _cut, _grow, _remove, _double,
)  # fmt: skip
