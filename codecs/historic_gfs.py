"""The two oldest layouts, `gfs-fefc` and `gfs-fef7`: one 5-byte header, one run of packed samples, nothing behind it.

Both are decoded only when the caller names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kinelog.codecs.errors import (
    BadMagicError,
    BadRateError,
    TooShortError,
    TrailingBytesError,
    TruncatedSamplesError,
    UnencodableError,
)
from kinelog.codecs.headers import Header, HeaderField
from kinelog.codecs.packed_samples import SAMPLES_11, SAMPLES_13, OutOfRange, PackedSamples
from kinelog.codecs.units import packed_from_samples
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

HEADER = Header(
    "<",
    HeaderField("magic", "H", "which of the two it is"),
    HeaderField("count", "H", "samples in the body"),
    HeaderField("samples_per_second", "B", "nominal rate"),
)


@dataclass(frozen=True, slots=True)
class HistoricGfs:
    """One of the two layouts.

    Attributes:
        format: Its name.
        magic: The first two bytes, as they lie.
        packed: How its samples are packed.
    """

    format: Format
    magic: bytes
    packed: PackedSamples

    def summarize(self, data: bytes) -> FrameSummary:
        """Validate a body: magic, header, rate, samples, end.

        Raises:
            CodecError: With the case and the byte.
        """
        if data[:2] != self.magic:
            found = data[:2].hex(" ") or "nothing"
            raise BadMagicError(0, f"starts with {found}, expected {self.magic.hex(' ')}")
        if len(data) < HEADER.size:
            raise TooShortError(len(data), f"{len(data)} bytes, the header alone has {HEADER.size}")
        _, count, rate_hz = HEADER.unpack_from(data)
        if rate_hz == 0:
            raise BadRateError(4, "0 samples a second")
        needed, left = self.packed.word_bytes * count, len(data) - HEADER.size
        if left < needed:
            raise TruncatedSamplesError(len(data), f"{count} samples take {needed} bytes, {left} are left")
        if left > needed:
            raise TrailingBytesError(HEADER.size + needed, f"{left - needed} bytes behind {count} samples")
        block = BlockSummary(SensorKind.ACCELEROMETER, None, rate_hz, count)
        return FrameSummary(self.format, DECODER_VERSION, DeviceKind.PEBBLE, (block,))

    def samples(self, data: bytes, summary: FrameSummary) -> Iterator[Samples]:
        """The samples of a body that `summarize` has accepted."""
        yield self.packed.decode(data, HEADER.size, summary.blocks[0].count)

    def encode(self, blocks: Sequence[Block], out_of_range: OutOfRange = "clamp") -> bytes:
        """Write the one accelerometer block.

        Raises:
            UnencodableError: What the layout cannot carry.
        """
        if len(blocks) != 1 or blocks[0].summary.kind is not SensorKind.ACCELEROMETER:
            raise UnencodableError(f"{self.format} carries one accelerometer block")
        block = blocks[0]
        if not 0 < block.summary.rate_hz < 256 or not len(block.samples) < 1 << 16:
            raise UnencodableError(
                f"{self.format} carries no {len(block.samples)} samples at {block.summary.rate_hz} Hz"
            )
        packed = packed_from_samples(block.summary.kind, block.samples)
        header = HEADER.pack(int.from_bytes(self.magic, "little"), len(packed), block.summary.rate_hz)
        return header + self.packed.encode(packed, out_of_range)


FEFC = HistoricGfs(Format.GFS_FEFC, b"\xfc\xfe", SAMPLES_13)
FEF7 = HistoricGfs(Format.GFS_FEF7, b"\xf7\xfe", SAMPLES_11)
