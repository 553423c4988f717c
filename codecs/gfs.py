"""`gfs` blocks: a 5-byte header and packed samples, blocks one behind the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from kinelog.codecs.block_limit import BlockRun
from kinelog.codecs.errors import (
    BadRateError,
    BadSampleSizeError,
    EmptyBodyError,
    TruncatedHeaderError,
    TruncatedSamplesError,
    UnencodableError,
    UnknownTypeError,
)
from kinelog.codecs.headers import Header, HeaderField
from kinelog.codecs.packed_samples import SAMPLES_13, OutOfRange
from kinelog.codecs.units import packed_from_samples, samples_from_packed
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
from numpy.typing import NDArray

HEADER = Header(
    "<",
    HeaderField("type", "B", "sensor of the block"),
    HeaderField("count", "B", "samples in the block"),
    HeaderField("samples_per_second", "B", "nominal rate"),
    HeaderField("sample_size", "B", "bytes of a sample: 5, or 0 in older recordings"),
    HeaderField("padding", "B", "ignored"),
)
KIND_OF_TYPE = {0xAD: SensorKind.ACCELEROMETER, 0xBD: SensorKind.GYROSCOPE}
TYPE_OF_KIND = {kind: type_ for type_, kind in KIND_OF_TYPE.items()}
_UNSPECIFIED = {0xCD: "GPS", 0xDD: "heart rate"}


class GfsBlock(NamedTuple):
    """Where a block lies and what its header says."""

    samples_at: int
    kind: SensorKind
    rows: int
    rate_hz: int


def walk(data: bytes, start: int, end: int, run: BlockRun[GfsBlock]) -> None:
    """Check the blocks in `data[start:end]` in the documented order and add them to the run.

    Raises:
        CodecError: With the case and the byte.
    """
    at = start
    while at < end:
        block = _block_at(data, at, end)
        run.add(at, block)
        at = block.samples_at + 5 * block.rows


def _block_at(data: bytes, at: int, end: int) -> GfsBlock:
    kind = KIND_OF_TYPE.get(data[at])
    if kind is None:
        named = _UNSPECIFIED.get(data[at])
        known = f"is {named}, whose payload nobody specified" if named else "names no sensor"
        raise UnknownTypeError(at, f"type {data[at]:#04x} {known}; expected 0xad or 0xbd")
    if end - at < HEADER.size:
        raise TruncatedHeaderError(end, f"a header has {HEADER.size} bytes, {end - at} are left")
    _, count, rate_hz, sample_size, _ = HEADER.unpack_from(data, at)
    if sample_size not in (0, 5):
        raise BadSampleSizeError(at + 3, f"sample size {sample_size}, expected 5 (or 0 in older recordings)")
    if rate_hz == 0:
        raise BadRateError(at + 2, "0 samples a second")
    samples_at = at + HEADER.size
    if end - samples_at < 5 * count:
        raise TruncatedSamplesError(end, f"{count} samples take {5 * count} bytes, {end - samples_at} are left")
    return GfsBlock(samples_at, kind, count, rate_hz)


def find_blocks(data: bytes) -> BlockRun[GfsBlock]:
    """Walk a whole body.

    Raises:
        CodecError: With the case and the byte.
    """
    if not data:
        raise EmptyBodyError(0, "no bytes; a gfs block starts with 0xad or 0xbd")
    run: BlockRun[GfsBlock] = BlockRun(len(data))
    walk(data, 0, len(data), run)
    return run


@lru_cache(maxsize=1024)
def block_summary(kind: SensorKind, location: str | None, rate_hz: int, count: int) -> BlockSummary:
    """The summary of a block without a clock: equal blocks share one, since there can be very many."""
    return BlockSummary(kind, location, rate_hz, count)


def summarize(data: bytes) -> FrameSummary:
    """Validate a body of blocks.

    Raises:
        CodecError: With the case and the byte.
    """
    run = find_blocks(data)
    run.refuse_excess()
    blocks = tuple([block_summary(block.kind, None, block.rate_hz, block.rows) for block in run.found])
    return FrameSummary(Format.GFS, DECODER_VERSION, DeviceKind.PEBBLE, blocks)


def samples(data: bytes, summary: FrameSummary) -> Iterator[Samples]:
    """The samples of every block of a body that `summarize` has accepted."""
    return walk_samples(data, 0, summary.blocks)


def walk_samples(data: bytes, start: int, blocks: Iterable[BlockSummary]) -> Iterator[Samples]:
    """The samples of blocks that lie one behind the other from `start` on."""
    at = start + HEADER.size
    for block in blocks:
        yield samples_from_packed(block.kind, SAMPLES_13.decode(data, at, block.count))
        at += 5 * block.count + HEADER.size


def encode(blocks: Sequence[Block], out_of_range: OutOfRange = "clamp", *, sample_size: int = 5) -> bytes:
    """Write blocks one behind the other.

    Args:
        blocks: Accelerometer and gyroscope blocks of at most 255 samples.
        out_of_range: Clamp samples to ±4095 as the devices do, or refuse them.
        sample_size: What the header says: 5, or 0 as in older recordings.

    Raises:
        UnencodableError: What the layout cannot carry.
    """
    return b"".join(_encode_block(block, out_of_range, sample_size) for block in blocks)


def _encode_block(block: Block, out_of_range: OutOfRange, sample_size: int) -> bytes:
    summary = block.summary
    if summary.kind not in TYPE_OF_KIND or not 0 < summary.rate_hz < 256 or not len(block.samples) < 256:
        raise UnencodableError(f"gfs carries no {summary.kind} of {len(block.samples)} samples at {summary.rate_hz} Hz")
    packed: NDArray[np.integer] = packed_from_samples(summary.kind, block.samples)
    header = HEADER.pack(TYPE_OF_KIND[summary.kind], len(packed), summary.rate_hz, sample_size, 0)
    return header + SAMPLES_13.encode(packed, out_of_range)
