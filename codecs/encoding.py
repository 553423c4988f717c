"""The way back: blocks of samples to the bytes that a device would send."""

from __future__ import annotations

from collections.abc import Sequence

from kinelog.codecs import gfs, multipacket, muvr16
from kinelog.codecs.errors import UnencodableError
from kinelog.codecs.historic_gfs import FEF7, FEFC
from kinelog.codecs.packed_samples import OutOfRange
from kinelog.codecs.tagged import AD, AD_INT16, AD_LEGACY19, AE
from kinelog.codecs.values import Block, BlockSummary, DeviceKind, Format, Frame, Samples, SensorKind

_ONE_FORM = {
    Format.GFS: gfs.encode,
    Format.GFS_FEFC: FEFC.encode,
    Format.GFS_FEF7: FEF7.encode,
    Format.AE: AE.encode,
    Format.AD: AD.encode,
    Format.AD_INT16: AD_INT16.encode,
    Format.AD_LEGACY19: AD_LEGACY19.encode,
}
_TAGGED = {layout.format: layout for layout in (AE, AD, AD_INT16, AD_LEGACY19)}


def make_block(
    kind: SensorKind,
    samples: Samples,
    rate_hz: int,
    location: str | None = None,
    *,
    sequence: int | None = None,
    start_ms: int | None = None,
    duration_ms: int | None = None,
) -> Block:
    """A block whose summary counts its own samples.

    Args:
        kind: The sensor.
        samples: `(n, 3)` int16 milli-g, `(n, 3)` float64 rad/s or `(n, 1)` int16 beats a minute.
        rate_hz: Nominal samples a second.
        location: Where the sensor sits, in the layouts that say so.
        sequence: Number of the block (muvr16).
        start_ms: Unix milliseconds of the first sample, in the layouts with a clock.
        duration_ms: How long the block lasted (muvr16).
    """
    return Block(BlockSummary(kind, location, rate_hz, len(samples), sequence, start_ms, duration_ms), samples)


def encode(
    format: Format,  # noqa: A002 - the same word as in decode
    blocks: Sequence[Block],
    *,
    device: DeviceKind = DeviceKind.PEBBLE,
    counter: int = 0,
    dead: bool = False,
    out_of_range: OutOfRange = "clamp",
) -> bytes:
    """Write blocks in a layout; `decode` gives them back, rounded to what the layout carries.

    Args:
        format: The layout.
        blocks: What to write; the tagged layouts want equal length, rate and start.
        device: Who sends: said by muvr16 alone.
        counter: Number of the message: said by MultiPacket alone.
        dead: Write the frame by which a watch says that it stopped (one block without samples).
        out_of_range: Clamp samples as the devices do (±4095 in 13 bits), or refuse them.

    Raises:
        UnencodableError: What the layout cannot carry.
    """
    if dead:
        return _encode_dead(format, blocks, device)
    if format is Format.MUVR16:
        return muvr16.encode(blocks, device, out_of_range)
    if format is Format.MULTIPACKET:
        return multipacket.encode(blocks, counter, out_of_range)
    return _ONE_FORM[format](blocks, out_of_range)


def _encode_dead(format: Format, blocks: Sequence[Block], device: DeviceKind) -> bytes:  # noqa: A002 - as above
    if len(blocks) != 1:
        raise UnencodableError("a stopped watch sends one block")
    if format is Format.MUVR16:
        return muvr16.encode_dead(blocks[0], device)
    if format not in _TAGGED:
        raise UnencodableError(f"{format} has no frame for a stopped watch")
    return _TAGGED[format].encode_dead(blocks[0])


def encode_frame(frame: Frame) -> bytes:
    """Write a decoded frame again; what a decoder ignores (spare bits, padding, counters) is written as 0."""
    summary = frame.summary
    return encode(summary.format, frame.blocks, device=summary.device, dead=summary.dead, out_of_range="refuse")
