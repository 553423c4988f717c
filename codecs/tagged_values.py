"""How the values of a tagged frame lie on the wire: packed words, float32 or int16, and what fits each sensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from kinelog.codecs.errors import BadCountError, UnencodableError
from kinelog.codecs.packed_samples import SAMPLES_13, OutOfRange
from kinelog.codecs.units import packed_from_samples, samples_from_packed
from kinelog.codecs.values import Samples, SensorKind
from numpy.typing import NDArray

MG_PER_G = 1000

RawColumns: TypeAlias = NDArray[np.int16] | NDArray[np.float32]
"""Values as they lie on the wire."""
WireValues: TypeAlias = NDArray[np.float64]
"""Values on their way to the wire, not yet squeezed into its width; whole numbers are exact in float64."""

_INT16 = np.iinfo(np.int16)
_FLOAT32_MAX = float(np.finfo(np.float32).max)


class ValueEncoding(Protocol):
    """One way of writing the rows of a frame.

    Attributes:
        always_fits: Sensors for which no pattern of bits is out of range.
    """

    always_fits: frozenset[SensorKind]

    def size_of(self, count: int) -> int:
        """Bytes that so many values take."""

    def offset_of(self, value: int) -> int:
        """Byte, counted from the first value, at which a value starts."""

    def rows_of(self, count: int, dimensions: int, offset: int) -> int:
        """Whole rows in so many values.

        Raises:
            BadCountError: The values do not fill whole rows.
        """

    def read(self, data: bytes, offset: int, count: int) -> RawColumns:
        """The values in their order, in an array of any shape."""

    def fits(self, kind: SensorKind, columns: RawColumns) -> NDArray[np.bool_]:
        """Which values can become samples of this kind."""

    def to_samples(self, kind: SensorKind, columns: RawColumns) -> Samples:
        """Columns of values that fit, as samples in their unit."""

    def from_samples(self, kind: SensorKind, samples: Samples) -> WireValues:
        """Samples as values of the wire.

        Raises:
            UnencodableError: They have the wrong shape or cannot be carried.
        """

    def write(self, values: WireValues, out_of_range: OutOfRange) -> bytes:
        """Rows of values as bytes.

        Raises:
            UnencodableError: They cannot be carried.
        """


def _whole_rows(count: int, unit: int, offset: int) -> int:
    rows, rest = divmod(count, unit)
    if rest:
        raise BadCountError(offset, f"{count} values, not a multiple of {unit}")
    return rows


class _IntegerValues:
    """What packed words and int16 values share: they are whole milli-g, hundredths of rad/s and beats."""

    always_fits = frozenset(SensorKind)

    def fits(self, kind: SensorKind, columns: RawColumns) -> NDArray[np.bool_]:  # noqa: ARG002 - the protocol's
        """Every integer of the wire fits."""
        return np.ones(columns.shape, dtype=np.bool_)

    def to_samples(self, kind: SensorKind, columns: RawColumns) -> Samples:
        """Copied into rows of their own, so that no sensor keeps another one's memory."""
        return samples_from_packed(kind, np.ascontiguousarray(columns, dtype=np.int16))

    def from_samples(self, kind: SensorKind, samples: Samples) -> WireValues:
        """See `packed_from_samples`."""
        return packed_from_samples(kind, samples).astype(np.float64)


class PackedValues(_IntegerValues):
    """Three values to a 13-bit packed word, running on over the tags of a row (`ae`)."""

    def size_of(self, count: int) -> int:
        """Whole words."""
        return SAMPLES_13.word_bytes * -(-count // 3)

    def offset_of(self, value: int) -> int:
        """The first byte of the word that holds the value."""
        return SAMPLES_13.word_bytes * (value // 3)

    def rows_of(self, count: int, dimensions: int, offset: int) -> int:
        """Values fill rows; the last word may be filled in part."""
        return _whole_rows(count, dimensions, offset)

    def read(self, data: bytes, offset: int, count: int) -> RawColumns:
        """Unpacked words, a row each; flat where the last one is filled in part."""
        words, rest = divmod(count, 3)
        if not rest:
            return SAMPLES_13.decode(data, offset, words)
        return SAMPLES_13.decode(data, offset, words + 1).reshape(-1)[:count]

    def write(self, values: WireValues, out_of_range: OutOfRange) -> bytes:
        """Values packed three to a word, the last one filled up with zeros."""
        filled = np.pad(values.astype(np.int64).reshape(-1), (0, -values.size % 3))
        return SAMPLES_13.encode(filled.reshape(-1, 3), out_of_range)


class Int16Values(_IntegerValues):
    """One little-endian int16 a value; the count is of rows (`ad-int16`)."""

    def size_of(self, count: int) -> int:
        """Two bytes a value."""
        return 2 * count

    def offset_of(self, value: int) -> int:
        """Right behind the value before."""
        return self.size_of(value)

    def rows_of(self, count: int, dimensions: int, offset: int) -> int:
        """Values fill rows."""
        return _whole_rows(count, dimensions, offset)

    def read(self, data: bytes, offset: int, count: int) -> RawColumns:
        """The int16 values."""
        # Copied: a view would keep the received bytes alive and read-only.
        return np.frombuffer(data, "<i2", count, offset).astype(np.int16)

    def write(self, values: WireValues, out_of_range: OutOfRange) -> bytes:
        """Values as int16."""
        if out_of_range == "refuse" and ((values < _INT16.min) | (values > _INT16.max)).any():
            raise UnencodableError("a value does not fit int16")
        return values.clip(_INT16.min, _INT16.max).astype("<i2").tobytes()


@dataclass(frozen=True, slots=True)
class _FloatRule:
    """From a float of the wire to a sample: scale, round or not, bounds."""

    scale: int
    lowest: float
    highest: float


_FLOAT_RULES = {
    SensorKind.ACCELEROMETER: _FloatRule(MG_PER_G, float(_INT16.min), float(_INT16.max)),
    SensorKind.HEART_RATE: _FloatRule(1, float(_INT16.min), float(_INT16.max)),
}


class FloatValues:
    """One little-endian float32 a value, in g, rad/s and beats a minute (`ad`)."""

    always_fits: frozenset[SensorKind] = frozenset()

    def size_of(self, count: int) -> int:
        """Four bytes a value."""
        return 4 * count

    def offset_of(self, value: int) -> int:
        """Right behind the value before."""
        return self.size_of(value)

    def rows_of(self, count: int, dimensions: int, offset: int) -> int:
        """Values fill rows."""
        return _whole_rows(count, dimensions, offset)

    def read(self, data: bytes, offset: int, count: int) -> RawColumns:
        """The float32 values."""
        return np.frombuffer(data, "<f4", count, offset)

    def fits(self, kind: SensorKind, columns: RawColumns) -> NDArray[np.bool_]:
        """Finite, and within the sample's integers once rounded."""
        finite = np.isfinite(columns)
        rule = _FLOAT_RULES.get(kind)
        if rule is None:
            return finite
        rounded = self._rounded(rule, np.where(finite, columns, np.float32(0)))
        return finite & (rounded >= rule.lowest) & (rounded <= rule.highest)

    def _rounded(self, rule: _FloatRule, columns: RawColumns) -> NDArray[np.float64]:
        # float64 holds every product of a float32 and 1000 exactly, so this rounds what was sent, half to even.
        rounded = columns.astype(np.float64)
        rounded *= rule.scale
        return np.rint(rounded, out=rounded)

    def to_samples(self, kind: SensorKind, columns: RawColumns) -> Samples:
        """From g to milli-g, and heart beats to whole ones, rounded half to even."""
        rule = _FLOAT_RULES.get(kind)
        if rule is None:
            return np.ascontiguousarray(columns, dtype=np.float64)
        rounded = self._rounded(rule, columns)
        return rounded.astype(np.int16)

    def from_samples(self, kind: SensorKind, samples: Samples) -> WireValues:
        """Milli-g to g; the nearest float32 of a whole milli-g rounds back to it."""
        checked = packed_from_samples(kind, samples)
        if kind is SensorKind.GYROSCOPE:
            return samples.astype(np.float64)
        return checked / (MG_PER_G if kind is SensorKind.ACCELEROMETER else 1)

    def write(self, values: WireValues, out_of_range: OutOfRange) -> bytes:
        """Values as float32; only a rotation can be beyond it."""
        if out_of_range == "refuse" and (np.abs(values) > _FLOAT32_MAX).any():
            raise UnencodableError("a value does not fit float32")
        return values.clip(-_FLOAT32_MAX, _FLOAT32_MAX).astype("<f4").tobytes()
