"""Which error comes first: a test for each cell of the table of errors, with frames that hold later faults too."""

from __future__ import annotations

import struct

import pytest
from kinelog.codecs import frames
from kinelog.codecs.block_limit import most_blocks
from kinelog.codecs.errors import CodecError
from kinelog.codecs.values import Format

GFS, MP, MUVR16, AE, AD = Format.GFS, Format.MULTIPACKET, Format.MUVR16, Format.AE, Format.AD
NAN = b"\x00\x00\xc0\x7f"


def gfs(type_: int = 0xAD, count: int = 0, rate: int = 50, size: int = 5, body: bytes = b"") -> bytes:
    return bytes((type_, count, rate, size, 0)) + body


def muvr16(
    type_: int = 0xAD, count: int = 0, rate: int = 50, size: int = 5, stamp: int = 1_000_000, body: bytes = b""
) -> bytes:
    return struct.pack("<6BQH", type_, count, rate, size, 0, 1, stamp, 0) + body


def packet(payload: bytes, location: int = 1, size: int | None = None) -> bytes:
    return struct.pack(">HB", len(payload) if size is None else size, location) + payload


def message(*packets: bytes, magic: int = 0xCAB1, count: int | None = None) -> bytes:
    return struct.pack(">HBI", magic, len(packets) if count is None else count, 7) + b"".join(packets)


def tagged(
    kind: bytes = b"ae",
    *tags: bytes,
    count: int = 3,
    rate: int = 50,
    start: float = 0.0,
    body: bytes = bytes(5),
    tag_count: int | None = None,
) -> bytes:
    number = len(tags) if tag_count is None else tag_count
    return struct.pack("<2sBBdI", kind, number, rate, start, count) + b"".join(tags) + body


def legacy19(rate: int = 50, start: float = 0.0, count: int = 3, tag: bytes = b"tal", body: bytes = bytes(12)) -> bytes:
    return struct.pack("<2sBdBI", b"ad", 1, start, rate, count) + tag + body


LEFT, HEART = b"tal\0", b"th-\0"
GOOD = gfs(count=1, body=bytes(5))
INFINITE = float("inf")

CASES = [
    # gfs, first block and later ones
    (GFS, b"", "empty", 0),
    (GFS, b"\xae", "unknown-type", 0),
    (GFS, gfs(0xED, 9, 0, 3), "unknown-type", 0),
    (GFS, gfs(0xCD), "unknown-type", 0),
    (GFS, gfs(0xDD), "unknown-type", 0),
    (GFS, GOOD + b"\0", "unknown-type", 10),
    (GFS, b"\xad\x00\x00\x03", "truncated-header", 4),
    (GFS, GOOD + b"\xbd", "truncated-header", 11),
    (GFS, gfs(count=9, rate=0, size=4), "bad-sample-size", 3),
    (GFS, gfs(count=9, rate=0, size=0), "bad-rate", 2),
    (GFS, GOOD + gfs(count=9, rate=0), "bad-rate", 12),
    (GFS, gfs(count=2, body=bytes(9)), "truncated-samples", 14),
    (GFS, gfs(count=3, body=bytes(10)), "truncated-samples", 15),
    (GFS, gfs() * (most_blocks(5 * 9000) + 1), "too-many-blocks", None),
    (GFS, gfs() * 3000 + b"\0", "unknown-type", 15_000),
    # muvr16: the rate before the sample size
    (MUVR16, b"", "empty", 0),
    (MUVR16, b"\xac", "unknown-type", 0),
    (MUVR16, muvr16(0xCD, 9, 0, 3), "unknown-type", 0),
    (MUVR16, muvr16(rate=0, size=3)[:15], "truncated-header", 15),
    (MUVR16, muvr16(count=9, rate=0, size=3), "bad-rate", 2),
    (MUVR16, muvr16(count=9, size=0), "bad-sample-size", 3),
    (MUVR16, muvr16(0xED, count=9, size=5), "bad-sample-size", 3),
    (MUVR16, muvr16(count=9, size=1), "bad-sample-size", 3),
    (MUVR16, muvr16(count=1, stamp=2**64 - 1, body=bytes(4)), "truncated-samples", 20),
    (MUVR16, muvr16(0xED, count=2, size=1, body=b"\x40"), "truncated-samples", 17),
    (MUVR16, muvr16() + b"\0\0", "unknown-type", 16),
    (MUVR16, muvr16(rate=0) + b"\0", "bad-rate", 2),
    # MultiPacket: the envelope first, payloads last
    (MP, b"\xca", "bad-magic", 0),
    (MP, message(magic=0xCAB2, count=0), "bad-magic", 0),
    (MP, message(count=0) + b"\0\0", "too-short", 9),
    (MP, message(count=0) + b"\0\0\xff", "no-content", 2),
    (MP, message(packet(b"\xff"), b"\0\0", count=2), "truncated-header", 13),
    (MP, message(packet(b"", 9)), "bad-location", 9),
    (MP, message(packet(b"", 0)), "bad-location", 9),
    (MP, message(packet(b"", 3)), "empty-payload", 7),
    (MP, message(packet(b"\xff", size=2)), "truncated-payload", 11),
    (MP, message(packet(b"\xff")) + b"\0", "trailing-bytes", 11),
    (MP, message(packet(b"\xff"), packet(b"\xff", 9)), "bad-location", 13),
    (MP, message(packet(b"\xff")), "unknown-type", 10),
    (MP, message(packet(GOOD), packet(b"\xad\x01")), "truncated-header", 25),
    (MP, message(packet(gfs(count=1)), packet(GOOD)), "truncated-samples", 15),
    (MP, message(packet(gfs(count=9, size=3)), packet(GOOD)), "bad-sample-size", 13),
    (MP, message(packet(gfs(count=9, rate=0)), packet(GOOD)), "bad-rate", 12),
    # ae and ad
    (AE, b"a", "bad-magic", 0),
    (AE, b"ad", "bad-magic", 0),
    (AE, b"be" + bytes(30), "bad-magic", 0),
    (AE, b"ae", "too-short", 2),
    (AE, tagged(b"ae", tag_count=0, body=b"")[:15], "too-short", 15),
    (AE, tagged(b"ae", b"xyz", tag_count=2, body=b""), "too-short", 19),
    (AE, tagged(b"ae", count=9, body=b""), "bad-types", 2),
    (AE, tagged(b"ae", b"xal\0", count=99), "bad-type", 16),
    (AE, tagged(b"ae", b"txl\0", count=99), "bad-type", 17),
    (AE, tagged(b"ae", b"ta-\0", count=99), "bad-type", 18),
    (AE, tagged(b"ae", b"thl\0", count=99), "bad-type", 18),
    (AE, tagged(b"ae", LEFT, b"tgx\0", count=99), "bad-type", 22),
    (AE, tagged(b"ae", LEFT, count=2**32 - 2), "truncated-samples", 25),
    (AE, tagged(b"ae", LEFT, count=4), "truncated-samples", 25),
    (AE, tagged(b"ae", LEFT, count=2, body=bytes(9)), "bad-count", 12),
    (AE, tagged(b"ae", LEFT, LEFT, count=3, body=bytes(9)), "bad-count", 12),
    (AE, tagged(b"ae", LEFT, rate=0, start=INFINITE, body=bytes(6)), "trailing-bytes", 25),
    (AE, tagged(b"ae", LEFT, count=0, body=bytes(2)), "trailing-bytes", 20),
    (AD, tagged(b"ae", LEFT), "bad-magic", 0),
    (AD, tagged(b"ad", LEFT, count=3, body=bytes(11)), "truncated-samples", 31),
    (AD, tagged(b"ad", LEFT, count=2**30, body=bytes(12)), "truncated-samples", 32),
    (AD, tagged(b"ad", LEFT, count=4, body=NAN * 5), "bad-count", 12),
    (AD, tagged(b"ad", LEFT, body=bytes(8) + NAN + b"\0"), "bad-sample", 28),
    (AD, tagged(b"ad", LEFT, body=bytes(4) + struct.pack("<f", INFINITE) + bytes(4)), "bad-sample", 24),
    (AD, tagged(b"ad", LEFT, body=struct.pack("<3f", 32.768, 0, 0)), "bad-sample", 20),
    (AD, tagged(b"ad", HEART, count=1, body=struct.pack("<f", 32768.0)), "bad-sample", 20),
    (AD, tagged(b"ad", b"tgl\0", body=struct.pack("<2f", 1, 2) + NAN), "bad-sample", 28),
    (AD, tagged(b"ad", LEFT, rate=0, body=bytes(13)), "trailing-bytes", 32),
    # the historic four, only when named
    (Format.GFS_FEFC, b"", "bad-magic", 0),
    (Format.GFS_FEFC, b"\xf7\xfe\0\0\x32", "bad-magic", 0),
    (Format.GFS_FEFC, b"\xfc\xfe\x01\0", "too-short", 4),
    (Format.GFS_FEFC, b"\xfc\xfe\x01\0\0", "bad-rate", 4),
    (Format.GFS_FEFC, b"\xfc\xfe\xff\xff\x32" + bytes(9), "truncated-samples", 14),
    (Format.GFS_FEF7, b"\xf7\xfe\x01\0\x32" + bytes(6), "trailing-bytes", 10),
    (Format.AD_INT16, tagged(b"ad", LEFT, count=2, body=bytes(11)), "truncated-samples", 31),
    (Format.AD_INT16, tagged(b"ad", LEFT, count=1, body=bytes(7)), "trailing-bytes", 26),
    (Format.AD_LEGACY19, legacy19()[:18], "too-short", 18),
    (Format.AD_LEGACY19, legacy19(tag=b"tah"), "bad-type", 18),
    (Format.AD_LEGACY19, legacy19(body=bytes(8) + NAN), "bad-sample", 27),
    # detected, not named
    (None, b"", "empty", 0),
    (None, b"\xac", "unknown-type", 0),
    (None, b"\xae\x7c\x64", "unknown-type", 0),
    (None, b"12345", "bad-magic", 0),
    (None, b"be" + bytes(30), "bad-magic", 0),
    (None, b"af" + bytes(30), "bad-magic", 0),
    (None, b"\xca\xb2" + bytes(30), "bad-magic", 0),
    (None, b"\xca", "bad-magic", 0),
    (None, b"\xfc\xfe\x01\0\x32", "bad-magic", 0),
    (None, gfs(0xCD), "unknown-type", 0),
]


@pytest.mark.parametrize(
    ("format_", "data", "code", "offset"), CASES, ids=[f"{n}-{case[0]}-{case[2]}" for n, case in enumerate(CASES)]
)
def test_the_first_fault_is_reported_at_its_byte(
    format_: Format | None, data: bytes, code: str, offset: int | None
) -> None:
    for read in (frames.summarize, frames.decode):
        with pytest.raises(CodecError) as refused:
            read(data, format_)
        assert refused.value.code == code
        assert offset is None or refused.value.offset == offset


def test_a_body_that_is_whole_in_two_layouts_is_ambiguous() -> None:
    # Five empty muvr16 blocks are 80 bytes, and so are two gfs blocks whose samples hide four of their headers.
    tail = muvr16() * 4
    body = bytearray(muvr16(stamp=0) + tail)
    body[1] = 0
    body[5:10] = gfs(0xAD, 14)  # sequence and timestamp of the first block: a gfs header over the other 70 bytes
    data = bytes(body)
    assert frames.summarize(data, GFS).blocks[1].count == 14
    with pytest.raises(CodecError) as refused:
        frames.detect(data)
    assert refused.value.code == "ambiguous"


def test_the_reading_that_got_further_names_the_error() -> None:
    cut = muvr16(count=100, body=bytes(500))[:510]
    with pytest.raises(CodecError) as refused:
        frames.decode(cut)
    assert (refused.value.code, refused.value.offset) == ("truncated-samples", 510)


def test_every_error_has_a_code_of_its_own() -> None:
    def leaves(kind: type[CodecError]) -> list[type[CodecError]]:
        below = kind.__subclasses__()
        return [leaf for sub in below for leaf in leaves(sub)] if below else [kind]

    codes = [leaf.code for leaf in leaves(CodecError)]
    assert len(set(codes)) == len(codes)
    assert CodecError.code not in codes


@pytest.mark.parametrize("kind", [b"ae", b"ad"])
@pytest.mark.parametrize("start", [INFINITE, -INFINITE, float("nan"), 1e300, -1e300])
def test_a_clock_that_shows_no_number_costs_the_start_and_not_the_samples(kind: bytes, start: float) -> None:
    frame = frames.decode(tagged(kind, LEFT, start=start, body=bytes(5) if kind == b"ae" else bytes(12)))
    assert (frame.summary.blocks[0].start_ms, len(frame.blocks[0].samples)) == (None, 1)


@pytest.mark.parametrize(("start", "start_ms"), [(0.0, 0), (-65.155, -65_155), (0.0005, 0), (0.0015, 2)])
def test_seconds_become_milliseconds_rounded_half_to_even(start: float, start_ms: int) -> None:
    assert frames.summarize(tagged(b"ae", LEFT, start=start)).blocks[0].start_ms == start_ms


def test_a_muvr16_timestamp_is_told_as_it_stands() -> None:
    assert frames.summarize(muvr16(stamp=2**64 - 1), MUVR16).blocks[0].start_ms == 2**64 - 1


@pytest.mark.parametrize("format_", [AE, AD, Format.AD_INT16])
def test_a_tagged_frame_may_say_no_rate(format_: Format) -> None:
    kind, body = (b"ae", bytes(5)) if format_ is AE else (b"ad", bytes(12 if format_ is AD else 18))
    block = frames.summarize(tagged(kind, LEFT, rate=0, body=body), format_).blocks[0]
    assert (block.rate_hz, block.pace_hz) == (0, 50)


def test_a_heart_rate_may_fill_the_last_packed_word_in_part() -> None:
    frame = frames.decode(tagged(b"ae", HEART, count=2, body=(72 | 75 << 13).to_bytes(5, "little")))
    assert frame.blocks[0].samples.tolist() == [[72], [75]]


def test_a_body_of_many_full_blocks_is_decoded() -> None:
    body = gfs(count=124, body=bytes(620)) * 1000
    assert len(frames.decode(body).blocks) == 1000
    assert len(frames.decode(gfs(count=1, body=bytes(5)) * 4000, GFS).blocks) == 4000
