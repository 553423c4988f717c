"""Tagged frames: `ae` and `ad`, and the two historic layouts that share their first bytes.

One header, a tag a sensor, then rows of values that run over all tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from kinelog.codecs.clocks import APPLE_EPOCH_MS, start_of_seconds
from kinelog.codecs.errors import (
    BadMagicError,
    BadSampleError,
    BadTypeError,
    BadTypesError,
    TooShortError,
    TrailingBytesError,
    TruncatedSamplesError,
    UnencodableError,
)
from kinelog.codecs.headers import Header, HeaderField
from kinelog.codecs.packed_samples import OutOfRange
from kinelog.codecs.tagged_values import FloatValues, Int16Values, PackedValues, RawColumns, ValueEncoding
from kinelog.codecs.units import DIMENSIONS
from kinelog.codecs.values import (
    DECODER_VERSION,
    Block,
    BlockSummary,
    DeviceKind,
    Format,
    FrameSummary,
    Samples,
    SensorKind,
)

_MAGIC = HeaderField("magic", "2s", "which layout it is")
_TAG_COUNT = HeaderField("tag_count", "B", "type tags behind the header")
_RATE = HeaderField("samples_per_second", "B", "nominal rate")
_START = HeaderField("start", "d", "start of the frame in seconds")
_COUNT = HeaderField("count", "I", "values behind the tags")

HEADER = Header("<", _MAGIC, _TAG_COUNT, _RATE, _START, _COUNT)
LEGACY_HEADER = Header("<", _MAGIC, _TAG_COUNT, _START, _RATE, _COUNT)
SENSOR_OF_LETTER = {
    ord("a"): SensorKind.ACCELEROMETER,
    ord("g"): SensorKind.GYROSCOPE,
    ord("h"): SensorKind.HEART_RATE,
}
LOCATION_OF_SIDE = {ord("l"): "left-wrist", ord("r"): "right-wrist"}
_NO_SIDE = ord("-")


class Sensor(NamedTuple):
    """What a type tag says."""

    kind: SensorKind
    location: str | None


def _every_tag() -> dict[bytes, Sensor]:
    tags = {b"th-": Sensor(SensorKind.HEART_RATE, None)}
    for letter, kind in SENSOR_OF_LETTER.items():
        for side, location in LOCATION_OF_SIDE.items():
            if kind is not SensorKind.HEART_RATE:
                tags[bytes((ord("t"), letter, side))] = Sensor(kind, location)
    return tags


SENSOR_OF_TAG = _every_tag()
TAG_OF_SENSOR = {sensor: tag for tag, sensor in SENSOR_OF_TAG.items()}


class Tags(NamedTuple):
    """What all tags of a frame say.

    Attributes:
        sensors: One a tag.
        kinds: What they measure.
        dimensions: Values in a row over all tags.
    """

    sensors: tuple[Sensor, ...]
    kinds: frozenset[SensorKind]
    dimensions: int


@lru_cache(maxsize=128)
def read_tags(tags: bytes, tag_bytes: int) -> Tags:
    """Read the tags of a frame; remembered, since a device sends the same ones for hours.

    Raises:
        BadTypeError: A byte of a tag names nothing.
    """
    sensors = []
    for at in range(0, len(tags), tag_bytes):
        sensor = SENSOR_OF_TAG.get(tags[at : at + 3])
        if sensor is None:
            raise _bad_type(tags[at : at + 3], HEADER.size + at)
        sensors.append(sensor)
    kinds = frozenset(sensor.kind for sensor in sensors)
    return Tags(tuple(sensors), kinds, sum(DIMENSIONS[sensor.kind] for sensor in sensors))


def _bad_type(tag: bytes, at: int) -> BadTypeError:
    if tag[0] != ord("t"):
        return BadTypeError(at, f"tag {tag!r} does not start with t")
    kind = SENSOR_OF_LETTER.get(tag[1])
    if kind is None:
        return BadTypeError(at + 1, f"tag {tag!r} names no sensor; known are a, g and h")
    sides = "-" if kind is SensorKind.HEART_RATE else "l or r"
    return BadTypeError(at + 2, f"tag {tag!r} names no side of {kind}; expected {sides}")


class TaggedShape(NamedTuple):
    """What the checks of a frame found out."""

    tags: Tags
    values_at: int
    rows: int
    rate_hz: int
    start_ms: int | None
    dead: bool


@dataclass(frozen=True, slots=True)
class TaggedLayout:
    """One of the four layouts.

    Attributes:
        format: Its name.
        magic: The first two bytes.
        header: Its fixed header.
        tag_bytes: Bytes of a tag, of which three count.
        values: How values lie behind the tags.
        epoch_ms: What its clock counts from, in Unix milliseconds.
        device: Who speaks it.
        counts_rows: Whether the count is of rows, not of values.
    """

    format: Format
    magic: bytes
    header: Header
    tag_bytes: int
    values: ValueEncoding
    epoch_ms: int
    device: DeviceKind
    counts_rows: bool = False

    def summarize(self, data: bytes) -> FrameSummary:
        """Validate a frame.

        Raises:
            CodecError: With the case and the byte.
        """
        tags, _, rows, rate_hz, start_ms, dead = self.check(data)
        blocks = tuple([BlockSummary(kind, location, rate_hz, rows, None, start_ms) for kind, location in tags.sensors])
        return FrameSummary(self.format, DECODER_VERSION, self.device, blocks, dead)

    def check(self, data: bytes) -> TaggedShape:
        """Make every check, in the documented order: each leans on those above it.

        Raises:
            CodecError: With the case and the byte.
        """
        size = len(data)
        if data[:2] != self.magic:
            found = data[:2].hex(" ") or "nothing"
            raise BadMagicError(0, f"starts with {found}, expected {self.magic.hex(' ')}")
        if size < HEADER.size:
            raise TooShortError(size, f"{size} bytes, the header alone has {HEADER.size}")
        tag_count, rate_hz, seconds, count = self.read_header(data)
        values_at = HEADER.size + self.tag_bytes * tag_count
        if size < values_at:
            raise TooShortError(size, f"{size} bytes, header and {tag_count} tags take {values_at}")
        if tag_count == 0:
            raise BadTypesError(2, "no type tags")
        tags = read_tags(data[HEADER.size : values_at], self.tag_bytes)
        rows, end = self._rows(data, count, tags, values_at)
        dead = count == 0 and size == values_at + 1
        if size != end and not dead:
            raise TrailingBytesError(end, f"{size - end} bytes behind the last of {rows} rows")
        start_ms = start_of_seconds(seconds, self.epoch_ms)
        return TaggedShape(tags, values_at, rows, rate_hz, start_ms, dead)

    def read_header(self, data: bytes) -> tuple[int, int, float, int]:
        """Tag count, rate, start in seconds and count of a header that is there whole."""
        if self.header is HEADER:
            _, tag_count, rate_hz, seconds, count = HEADER.unpack_from(data)
        else:
            _, tag_count, seconds, rate_hz, count = LEGACY_HEADER.unpack_from(data)
        return tag_count, rate_hz, seconds, count

    def _rows(self, data: bytes, count: int, tags: Tags, values_at: int) -> tuple[int, int]:
        value_count = count * tags.dimensions if self.counts_rows else count
        end = values_at + self.values.size_of(value_count)
        # Before anything is allocated: four bytes of count can claim 16 GiB.
        if len(data) < end:
            detail = f"{value_count} values take {end - values_at} bytes, {len(data) - values_at} are left"
            raise TruncatedSamplesError(len(data), detail)
        rows = self.values.rows_of(value_count, tags.dimensions, self.header.offset_of["count"])
        if not self.values.always_fits.issuperset(tags.kinds):
            self._refuse_bad_samples(data, tags, values_at, rows)
        return rows, end

    def _columns(self, data: bytes, kinds: Sequence[SensorKind], values_at: int, rows: int) -> list[RawColumns]:
        dimensions = sum([DIMENSIONS[kind] for kind in kinds])
        values = self.values.read(data, values_at, rows * dimensions).reshape(rows, dimensions)
        columns = []
        first = 0
        for kind in kinds:
            columns.append(values[:, first : first + DIMENSIONS[kind]])
            first += DIMENSIONS[kind]
        return columns

    def _refuse_bad_samples(self, data: bytes, tags: Tags, values_at: int, rows: int) -> None:
        kinds = [sensor.kind for sensor in tags.sensors]
        columns = self._columns(data, kinds, values_at, rows)
        fits = np.hstack([self.values.fits(kind, values) for kind, values in zip(kinds, columns, strict=True)])
        if fits.all():
            return
        row, column = divmod(int(fits.argmin()), tags.dimensions)
        at = values_at + self.values.offset_of(row * tags.dimensions + column)
        raise BadSampleError(at, f"value {column} of row {row} is no number or does not fit its unit")

    def samples(self, data: bytes, summary: FrameSummary) -> list[Samples]:
        """The samples of each tag of a frame that `summarize` has accepted."""
        values_at = HEADER.size + self.tag_bytes * len(summary.blocks)
        rows = summary.blocks[0].count
        if len(summary.blocks) == 1:
            # Nearly every frame: nothing to cut apart.
            kind = summary.blocks[0].kind
            values = self.values.read(data, values_at, rows * DIMENSIONS[kind])
            return [self.values.to_samples(kind, values.reshape(rows, DIMENSIONS[kind]))]
        kinds = [block.kind for block in summary.blocks]
        columns = self._columns(data, kinds, values_at, rows)
        return [self.values.to_samples(kind, own) for kind, own in zip(kinds, columns, strict=True)]

    def encode(self, blocks: Sequence[Block], out_of_range: OutOfRange = "clamp") -> bytes:
        """Write blocks of equal length, rate and start as the rows of one frame.

        Raises:
            UnencodableError: What the layout cannot carry.
        """
        if not 0 < len(blocks) < 256 or len({self._shared(block) for block in blocks}) != 1:
            raise UnencodableError(f"{self.format} carries 1 to 255 blocks of equal length, rate and start")
        rows, rate_hz, start_ms = self._shared(blocks[0])
        if not 0 <= rate_hz < 256:
            raise UnencodableError(f"{self.format} cannot say {rate_hz} Hz")
        tags = [TAG_OF_SENSOR.get(Sensor(block.summary.kind, block.summary.location)) for block in blocks]
        known = [tag.ljust(self.tag_bytes, b"\0") for tag in tags if tag is not None]
        if len(known) != len(blocks):
            raise UnencodableError(f"{self.format} has no tag for one of {[block.summary for block in blocks]}")
        values = np.hstack([self.values.from_samples(block.summary.kind, block.samples) for block in blocks])
        seconds = ((start_ms or 0) - self.epoch_ms) / 1000
        count = rows if self.counts_rows else values.size
        return (
            self._pack(len(blocks), rate_hz, seconds, count) + b"".join(known) + self.values.write(values, out_of_range)
        )

    def encode_dead(self, block: Block) -> bytes:
        """The frame by which a watch says that it stopped: a block without samples and one byte.

        Raises:
            UnencodableError: The block has samples, or the layout cannot carry it.
        """
        if len(block.samples):
            raise UnencodableError("a frame of a stopped watch has no samples")
        return self.encode([block]) + b"\0"

    def _shared(self, block: Block) -> tuple[int, int, int | None]:
        return len(block.samples), block.summary.rate_hz, block.summary.start_ms

    def _pack(self, tag_count: int, rate_hz: int, seconds: float, count: int) -> bytes:
        if self.header is HEADER:
            return HEADER.pack(self.magic, tag_count, rate_hz, seconds, count)
        return LEGACY_HEADER.pack(self.magic, tag_count, seconds, rate_hz, count)


AE = TaggedLayout(Format.AE, b"ae", HEADER, 4, PackedValues(), 0, DeviceKind.PEBBLE)
AD = TaggedLayout(Format.AD, b"ad", HEADER, 4, FloatValues(), APPLE_EPOCH_MS, DeviceKind.APPLE_WATCH)
# The one recording of this layout counts its seconds from 1970, as Pebbles do.
AD_INT16 = TaggedLayout(Format.AD_INT16, b"ad", HEADER, 4, Int16Values(), 0, DeviceKind.PEBBLE, counts_rows=True)
AD_LEGACY19 = TaggedLayout(
    Format.AD_LEGACY19, b"ad", LEGACY_HEADER, 3, FloatValues(), APPLE_EPOCH_MS, DeviceKind.APPLE_WATCH
)
