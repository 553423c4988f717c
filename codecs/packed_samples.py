"""Packed layouts compiled to vectorised numpy: words to int16 rows and back."""

from __future__ import annotations

from typing import Literal

import numpy as np
from kinelog.codecs.errors import UnencodableError
from kinelog.codecs.packed_layout import PACKED_11, PACKED_13, PackedLayout
from numpy.typing import NDArray

OutOfRange = Literal["clamp", "refuse"]
"""What an encoder does with a value that does not fit: pull it to the nearest symmetric bound as the watches do
(±4095 in 13 bits, although -4096 would fit), or refuse it."""

_REGISTER_BITS = 64
_CHUNK = 8192
"""Samples decoded at a time: their 64-bit intermediates stay in the second-level cache."""
_BROADCAST_UP_TO = 512
"""Below this many samples the number of numpy calls costs more than their loops."""


class PackedSamples:
    """The two directions of one layout.

    A word is loaded as the *end* of an eight-byte register, so that the load never runs past the last sample; the
    bytes before it belong to the header or to the sample before and are shifted out. Shifting a field to the top of
    the signed register and back down again extends its sign.
    """

    def __init__(self, layout: PackedLayout) -> None:
        """Compile a layout.

        Raises:
            ValueError: An unsigned field of 16 bits does not fit the int16 rows.
        """
        if any(field.highest > np.iinfo(np.int16).max for field in layout.fields):
            raise ValueError(f"{layout.name}: its values do not fit int16 rows")
        self.layout = layout
        self.word_bytes = layout.word_bytes
        self.lead_bytes = _REGISTER_BITS // 8 - layout.word_bytes
        self._register = np.dtype(np.int64).newbyteorder("<" if layout.byte_order == "little" else ">")
        # A little-endian register ends with its highest byte, so there the word sits above the lead; a big-endian one
        # ends with its lowest byte and the word sits at the bottom.
        word_at = 8 * self.lead_bytes if layout.byte_order == "little" else 0
        self._up = np.array([_REGISTER_BITS - word_at - f.offset - f.width for f in layout.fields], dtype=np.int64)
        self._down = np.array([_REGISTER_BITS - f.width for f in layout.fields], dtype=np.int64)
        widths = {f.width for f in layout.fields}
        # A scalar operand takes numpy's short way.
        self._one_width = _REGISTER_BITS - widths.pop() if len(widths) == 1 else None
        # -1 keeps the sign's extension; an unsigned field keeps only its own bits.
        self._keep = np.array([-1 if f.signed else f.highest for f in layout.fields], dtype=np.int16)
        self._all_signed = all(field.signed for field in layout.fields)

    def decode(self, data: bytes, offset: int, count: int) -> NDArray[np.int16]:
        """Unpack samples.

        Args:
            data: Bytes that hold them; the caller has checked the length.
            offset: Byte at which the first word starts.
            count: How many words.

        Returns:
            `(count, fields)` int16.
        """
        if count == 0:
            return np.empty((0, len(self.layout.fields)), dtype=np.int16)
        if offset < self.lead_bytes:
            data, offset = bytes(self.lead_bytes) + data[offset : offset + count * self.word_bytes], self.lead_bytes
        unpack = self._unpack_few if count <= _BROADCAST_UP_TO else self._unpack_many
        rows = unpack(data, offset - self.lead_bytes, count)
        return rows if self._all_signed else rows & self._keep

    def _unpack_few(self, data: bytes, start: int, count: int) -> NDArray[np.int16]:
        stride = self.word_bytes
        words: NDArray[np.int64] = np.ndarray((count, 1), self._register, data, start, (stride, stride))
        # Copied first: aligned words shift faster than unaligned ones by more than the copy costs.
        values = words.copy() << self._up
        values >>= self._down if self._one_width is None else self._one_width
        return values.astype(np.int16)

    def _unpack_many(self, data: bytes, start: int, count: int) -> NDArray[np.int16]:
        stride = self.word_bytes
        rows = np.empty((count, len(self.layout.fields)), dtype=np.int16)
        for first in range(0, count, _CHUNK):
            size = min(_CHUNK, count - first)
            words: NDArray[np.int64] = np.ndarray((size,), self._register, data, start + first * stride, (stride,))
            for axis, (up, down) in enumerate(zip(self._up, self._down, strict=True)):
                # Casting is safe although numpy cannot know it: at most 16 bits are left after the shift.
                np.right_shift(words << up, down, out=rows[first : first + size, axis], casting="unsafe")
        return rows

    def encode(self, rows: NDArray[np.integer], out_of_range: OutOfRange = "clamp") -> bytes:
        """Pack samples, spare bits 0.

        Args:
            rows: `(n, fields)` integers.
            out_of_range: Clamp what does not fit, or refuse it.

        Raises:
            UnencodableError: A value does not fit and is to be refused, or the rows have another shape.
        """
        values = np.asarray(rows)
        if values.ndim != 2 or values.shape[1] != len(self.layout.fields) or values.dtype.kind not in "iu":
            raise UnencodableError(f"{self.layout.name} samples are integers of shape (n, {len(self.layout.fields)})")
        words = np.zeros(len(values), dtype=np.uint64)
        for axis, field in enumerate(self.layout.fields):
            column = values[:, axis].astype(np.int64)
            if out_of_range == "clamp":
                column = column.clip(-field.highest if field.signed else 0, field.highest)
            elif ((column < field.lowest) | (column > field.highest)).any():
                raise UnencodableError(f"{field.name} does not fit {field.width} bits of {self.layout.name}")
            own_bits = (column & ((1 << field.width) - 1)).astype(np.uint64)
            words |= own_bits << np.uint64(field.offset)
        if self.layout.byte_order == "little":
            return words.astype("<u8").view(np.uint8).reshape(-1, 8)[:, : self.word_bytes].tobytes()
        return words.astype(">u8").view(np.uint8).reshape(-1, 8)[:, self.lead_bytes :].tobytes()


SAMPLES_13 = PackedSamples(PACKED_13)
SAMPLES_11 = PackedSamples(PACKED_11)
