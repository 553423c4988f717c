"""`MultiPacket`: several sensors in one post. Big-endian; each packet is `gfs` blocks and a place on the body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kinelog.codecs import gfs
from kinelog.codecs.block_limit import BlockRun
from kinelog.codecs.errors import (
    BadLocationError,
    BadMagicError,
    EmptyPayloadError,
    NoContentError,
    TooShortError,
    TrailingBytesError,
    TruncatedHeaderError,
    TruncatedPayloadError,
    UnencodableError,
)
from kinelog.codecs.headers import Header, HeaderField
from kinelog.codecs.packed_samples import OutOfRange
from kinelog.codecs.values import DECODER_VERSION, Block, BlockSummary, DeviceKind, Format, FrameSummary, Samples

MAGIC = b"\xca\xb1"
HEADER = Header(
    ">",
    HeaderField("magic", "H", "0xcab1"),
    HeaderField("packet_count", "B", "packets in the message"),
    HeaderField("timestamp", "I", "a counter that the sender increments"),
)
PACKET_HEADER = Header(
    ">",
    HeaderField("payload_size", "H", "bytes of gfs blocks that follow"),
    HeaderField("location", "B", "where the sensor sits"),
)
SHORTEST = HEADER.size + PACKET_HEADER.size
NAME_OF_LOCATION = {0x01: "wrist", 0x02: "waist", 0x03: "chest", 0x04: "foot", 0x7F: "any"}
LOCATION_OF_NAME = {name: byte for byte, name in NAME_OF_LOCATION.items()}


class Packet(NamedTuple):
    """Where the payload of a packet lies and where its sensor sits."""

    start: int
    end: int
    location: str


def find_packets(data: bytes) -> list[Packet]:
    """Check the envelope in the documented order, payloads untouched.

    Raises:
        CodecError: With the case and the byte.
    """
    if data[:2] != MAGIC:
        raise BadMagicError(0, f"starts with {data[:2].hex(' ') or 'nothing'}, expected ca b1")
    if len(data) < SHORTEST:
        raise TooShortError(len(data), f"{len(data)} bytes, the shortest message has {SHORTEST}")
    count = data[2]
    if count == 0:
        raise NoContentError(2, "0 packets")
    at = HEADER.size
    packets = []
    for _ in range(count):
        packet = _packet_at(data, at)
        packets.append(packet)
        at = packet.end
    if at != len(data):
        raise TrailingBytesError(at, f"{len(data) - at} bytes behind the last of {count} packets")
    return packets


def _packet_at(data: bytes, at: int) -> Packet:
    start = at + PACKET_HEADER.size
    if len(data) < start:
        detail = f"a packet header has {PACKET_HEADER.size} bytes, {len(data) - at} are left"
        raise TruncatedHeaderError(len(data), detail)
    size, location = PACKET_HEADER.unpack_from(data, at)
    name = NAME_OF_LOCATION.get(location)
    if name is None:
        raise BadLocationError(at + 2, f"location {location:#04x} is no place on the body that the format names")
    if size == 0:
        raise EmptyPayloadError(at, "a payload of 0 bytes")
    if len(data) - start < size:
        raise TruncatedPayloadError(len(data), f"a payload of {size} bytes, {len(data) - start} are left")
    return Packet(start, start + size, name)


def summarize(data: bytes) -> FrameSummary:
    """Validate a message: the envelope first, then each payload as gfs blocks.

    Raises:
        CodecError: With the case and the byte.
    """
    packets = find_packets(data)
    run: BlockRun[gfs.GfsBlock] = BlockRun(len(data))
    blocks: list[BlockSummary] = []
    for packet in packets:
        gfs.walk(data, packet.start, packet.end, run)
        blocks += [
            gfs.block_summary(block.kind, packet.location, block.rate_hz, block.rows)
            for block in run.found[len(blocks) :]
        ]
    run.refuse_excess()
    return FrameSummary(Format.MULTIPACKET, DECODER_VERSION, DeviceKind.PHONE, tuple(blocks))


def samples(data: bytes, summary: FrameSummary) -> Iterator[Samples]:
    """The samples of every block of a message that `summarize` has accepted."""
    blocks = iter(summary.blocks)
    for packet in find_packets(data):
        at = packet.start
        while at < packet.end:
            block = next(blocks)
            yield from gfs.walk_samples(data, at, (block,))
            at += gfs.HEADER.size + 5 * block.count


def encode(blocks: Sequence[Block], counter: int = 0, out_of_range: OutOfRange = "clamp") -> bytes:
    """Write a message; blocks that follow each other at one location share a packet.

    Args:
        blocks: Accelerometer and gyroscope blocks, each with a location.
        counter: What the sender increments from message to message.
        out_of_range: Clamp samples to ±4095 as the devices do, or refuse them.

    Raises:
        UnencodableError: What the layout cannot carry.
    """
    packets: list[tuple[int, bytes]] = []
    for block in blocks:
        location = LOCATION_OF_NAME.get(block.summary.location or "")
        if location is None:
            raise UnencodableError(f"a MultiPacket has no number for the location {block.summary.location}")
        payload = gfs.encode([block], out_of_range)
        if packets and packets[-1][0] == location and len(packets[-1][1]) + len(payload) < 1 << 16:
            packets[-1] = location, packets[-1][1] + payload
        else:
            packets.append((location, payload))
    if not 0 < len(packets) < 256:
        raise UnencodableError(f"a MultiPacket holds 1 to 255 packets, not {len(packets)}")
    header = HEADER.pack(int.from_bytes(MAGIC), len(packets), counter)
    return header + b"".join(PACKET_HEADER.pack(len(payload), where) + payload for where, payload in packets)
