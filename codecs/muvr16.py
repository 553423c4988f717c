"""`muvr16` blocks: a 16-byte header with a sequence number and a clock, blocks one behind the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

HEADER = Header(
    "<",
    HeaderField("type", "B", "sensor of the block"),
    HeaderField("count", "B", "samples in the block"),
    HeaderField("samples_per_second", "B", "nominal rate"),
    HeaderField("sample_size", "B", "bytes of a sample, as the type demands"),
    HeaderField("device", "B", "who sent the block"),
    HeaderField("sequence", "B", "number of the block; wraps, the last one again is a retransmission"),
    HeaderField("timestamp", "Q", "Unix milliseconds of the last batch of samples"),
    HeaderField("duration", "H", "milliseconds that the block lasted"),
)
KIND_OF_TYPE = {0xAD: SensorKind.ACCELEROMETER, 0xBD: SensorKind.GYROSCOPE, 0xED: SensorKind.HEART_RATE}
TYPE_OF_KIND = {kind: type_ for type_, kind in KIND_OF_TYPE.items()}
SAMPLE_SIZE = {SensorKind.ACCELEROMETER: 5, SensorKind.GYROSCOPE: 5, SensorKind.HEART_RATE: 1}
DEVICE_OF_BYTE = {0x00: DeviceKind.PEBBLE, 0xF0: DeviceKind.PHONE}
BYTE_OF_DEVICE = {kind: byte for byte, kind in DEVICE_OF_BYTE.items()}
DEAD_SIZE = HEADER.size + 1
_MOST_BEATS = 255


class Muvr16Block(NamedTuple):
    """Where a block lies and what its header says."""

    at: int
    kind: SensorKind
    rows: int
    rate_hz: int
    device: int
    sequence: int
    timestamp_ms: int
    duration_ms: int


def find_blocks(data: bytes) -> BlockRun[Muvr16Block]:
    """Check a whole body in the documented order.

    Raises:
        CodecError: With the case and the byte.
    """
    if not data:
        raise EmptyBodyError(0, "no bytes; a muvr16 block starts with 0xad, 0xbd or 0xed")
    run: BlockRun[Muvr16Block] = BlockRun(len(data))
    at = 0
    while at < len(data):
        block = _block_at(data, at)
        run.add(at, block)
        if _is_dead(data, block):
            break
        at += HEADER.size + SAMPLE_SIZE[block.kind] * block.rows
    return run


def _is_dead(data: bytes, first: Muvr16Block) -> bool:
    return len(data) == DEAD_SIZE and first.at == 0 and first.rows == 0


def _block_at(data: bytes, at: int) -> Muvr16Block:
    left = len(data) - at
    kind = KIND_OF_TYPE.get(data[at])
    if kind is None:
        raise UnknownTypeError(at, f"type {data[at]:#04x} names no sensor; expected 0xad, 0xbd or 0xed")
    if left < HEADER.size:
        raise TruncatedHeaderError(len(data), f"a header has {HEADER.size} bytes, {left} are left")
    _, count, rate_hz, sample_size, device, sequence, timestamp, duration = HEADER.unpack_from(data, at)
    if rate_hz == 0:
        raise BadRateError(at + 2, "0 samples a second")
    expected = SAMPLE_SIZE[kind]
    if sample_size != expected:
        raise BadSampleSizeError(at + 3, f"sample size {sample_size}, but {kind} samples have {expected} bytes")
    needed = expected * count
    if left - HEADER.size < needed:
        detail = f"{count} samples take {needed} bytes, {left - HEADER.size} are left"
        raise TruncatedSamplesError(len(data), detail)
    return Muvr16Block(at, kind, count, rate_hz, device, sequence, timestamp, duration)


def summarize(data: bytes) -> FrameSummary:
    """Validate a body of blocks.

    Raises:
        CodecError: With the case and the byte.
    """
    run = find_blocks(data)
    run.refuse_excess()
    devices = {block.device for block in run.found}
    device = DEVICE_OF_BYTE.get(devices.pop(), DeviceKind.UNKNOWN) if len(devices) == 1 else DeviceKind.UNKNOWN
    blocks = tuple([_summary(block) for block in run.found])
    return FrameSummary(Format.MUVR16, DECODER_VERSION, device, blocks, _is_dead(data, run.found[0]))


def _summary(block: Muvr16Block) -> BlockSummary:
    start_ms = block.timestamp_ms - block.duration_ms
    return BlockSummary(block.kind, None, block.rate_hz, block.rows, block.sequence, start_ms, block.duration_ms)


def samples(data: bytes, summary: FrameSummary) -> Iterator[Samples]:
    """The samples of every block of a body that `summarize` has accepted."""
    at = 0
    for block in summary.blocks:
        at += HEADER.size
        if block.kind is SensorKind.HEART_RATE:
            yield np.frombuffer(data, np.uint8, block.count, at).reshape(-1, 1).astype(np.int16)
        else:
            yield samples_from_packed(block.kind, SAMPLES_13.decode(data, at, block.count))
        at += SAMPLE_SIZE[block.kind] * block.count


def encode(
    blocks: Sequence[Block], device: DeviceKind = DeviceKind.PEBBLE, out_of_range: OutOfRange = "clamp"
) -> bytes:
    """Write blocks one behind the other; their timestamp is start plus duration.

    Args:
        blocks: Blocks of at most 255 samples; what they do not say of sequence, start and duration is written as 0.
        device: Pebble or phone.
        out_of_range: Clamp samples to ±4095 as the devices do, or refuse them.

    Raises:
        UnencodableError: What the layout cannot carry.
    """
    if device not in BYTE_OF_DEVICE:
        raise UnencodableError(f"muvr16 has no number for {device}")
    return b"".join(_encode_block(block, BYTE_OF_DEVICE[device], out_of_range) for block in blocks)


def encode_dead(block: Block, device: DeviceKind = DeviceKind.PEBBLE) -> bytes:
    """The frame by which a watch says that it stopped: a block without samples and one byte.

    Raises:
        UnencodableError: The block has samples, or the layout cannot carry it.
    """
    if len(block.samples):
        raise UnencodableError("a frame of a stopped watch has no samples")
    return encode([block], device) + b"\0"


def _encode_block(block: Block, device: int, out_of_range: OutOfRange) -> bytes:
    summary = block.summary
    sequence, duration_ms = summary.sequence or 0, summary.duration_ms or 0
    timestamp_ms = (summary.start_ms or 0) + duration_ms
    fits = 0 < summary.rate_hz < 256 and 0 <= sequence < 256 and 0 <= duration_ms < 1 << 16
    if not fits or not 0 <= timestamp_ms < 1 << 64 or not len(block.samples) < 256:
        raise UnencodableError(f"a muvr16 header cannot carry {summary} with {len(block.samples)} samples")
    packed = packed_from_samples(summary.kind, block.samples)
    size = SAMPLE_SIZE[summary.kind]
    header = HEADER.pack(
        TYPE_OF_KIND[summary.kind], len(packed), summary.rate_hz, size, device, sequence, timestamp_ms, duration_ms
    )
    if summary.kind is SensorKind.HEART_RATE:
        if ((packed < 0) | (packed > _MOST_BEATS)).any():
            raise UnencodableError("a muvr16 heart rate is one byte: 0 to 255 beats a minute")
        return header + packed.astype(np.uint8).tobytes()
    return header + SAMPLES_13.encode(packed, out_of_range)
