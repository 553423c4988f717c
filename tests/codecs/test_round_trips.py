"""What an encoder writes, its decoder gives back, and the layout is found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.codecs import frames
from kinelog.codecs.encoding import encode, encode_frame, make_block
from kinelog.codecs.errors import AmbiguousFormatError, UnencodableError
from kinelog.codecs.values import Block, DeviceKind, Format, Samples, SensorKind

ACCELEROMETER, GYROSCOPE, HEART_RATE = SensorKind.ACCELEROMETER, SensorKind.GYROSCOPE, SensorKind.HEART_RATE
TAGGED = (Format.AE, Format.AD, Format.AD_INT16, Format.AD_LEGACY19)
SENSORS = [
    (ACCELEROMETER, "left-wrist"),
    (ACCELEROMETER, "right-wrist"),
    (GYROSCOPE, "left-wrist"),
    (GYROSCOPE, "right-wrist"),
    (HEART_RATE, None),
]
START = st.integers(-62_135_596_800_000, 253_402_300_799_999)
BITS_OF = {Format.GFS_FEF7: 11, Format.AD: 16, Format.AD_INT16: 16, Format.AD_LEGACY19: 16}


def samples_of(draw: st.DrawFn, kind: SensorKind, rows: int, bits: int) -> Samples:
    """Samples that fit a number of bits."""
    if kind is HEART_RATE:
        return np.array(draw(st.lists(st.integers(0, 255), min_size=rows, max_size=rows)), dtype=np.int16).reshape(
            -1, 1
        )
    value = st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    flat = draw(st.lists(value, min_size=3 * rows, max_size=3 * rows))
    whole = np.array(flat, dtype=np.int16).reshape(rows, 3)
    return whole / 100 if kind is GYROSCOPE else whole


@st.composite
def block_bodies(draw: st.DrawFn, format_: Format) -> list[Block]:
    """Blocks that a layout made of blocks can carry."""
    kinds = [ACCELEROMETER] if format_ in {Format.GFS_FEFC, Format.GFS_FEF7} else [ACCELEROMETER, GYROSCOPE]
    if format_ is Format.MUVR16:
        kinds.append(HEART_RATE)
    blocks = []
    for _ in range(draw(st.integers(1, 1 if len(kinds) == 1 else 4))):
        kind = draw(st.sampled_from(kinds))
        samples = samples_of(draw, kind, draw(st.integers(0, 12)), BITS_OF.get(format_, 13))
        location = draw(st.sampled_from(["wrist", "waist", "chest", "foot", "any"]))
        block = make_block(
            kind, samples, draw(st.integers(1, 255)), location if format_ is Format.MULTIPACKET else None
        )
        if format_ is Format.MUVR16:
            block = make_block(
                kind,
                samples,
                block.summary.rate_hz,
                sequence=draw(st.integers(0, 255)),
                start_ms=draw(st.integers(0, 253_402_300_000_000)),
                duration_ms=draw(st.integers(0, 65_535)),
            )
        blocks.append(block)
    return blocks


@st.composite
def tagged_bodies(draw: st.DrawFn, format_: Format) -> list[Block]:
    """Blocks that fill the rows of a tagged frame."""
    sensors = draw(st.lists(st.sampled_from(SENSORS), min_size=1, max_size=5))
    rows = 3 * draw(st.integers(0, 4))  # whole words of three values, whatever the tags
    rate_hz, start_ms = draw(st.integers(1, 255)), draw(START)
    bits = BITS_OF.get(format_, 13)
    return [
        make_block(kind, samples_of(draw, kind, rows, bits), rate_hz, place, start_ms=start_ms)
        for kind, place in sensors
    ]


def _same(blocks: list[Block], format_: Format, data: bytes) -> None:
    frame = frames.decode(data, format_)
    assert frame.summary == frames.summarize(data, format_)
    assert [block.summary for block in frame.blocks] == [block.summary for block in blocks]
    for found, sent in zip(frame.blocks, blocks, strict=True):
        assert found.samples.dtype == sent.samples.dtype
        tolerance = 1e-6 if found.summary.kind is GYROSCOPE else 0
        np.testing.assert_allclose(found.samples, sent.samples, rtol=tolerance, atol=0)


@pytest.mark.parametrize(
    "format_", [Format.GFS, Format.MULTIPACKET, Format.MUVR16, Format.GFS_FEFC, Format.GFS_FEF7], ids=str
)
@given(data=st.data())
def test_blocks_come_back(format_: Format, data: st.DataObject) -> None:
    blocks = data.draw(block_bodies(format_))
    written = encode(format_, blocks, device=DeviceKind.PHONE, out_of_range="refuse")
    _same(blocks, format_, written)
    assert encode_frame(frames.decode(written, format_)) == written


@pytest.mark.parametrize("format_", TAGGED, ids=str)
@given(data=st.data())
def test_tagged_rows_come_back_to_the_millisecond(format_: Format, data: st.DataObject) -> None:
    blocks = data.draw(tagged_bodies(format_))
    _same(blocks, format_, encode(format_, blocks, out_of_range="refuse"))


@pytest.mark.parametrize("format_", [Format.AE, Format.AD, Format.GFS, Format.MUVR16, Format.MULTIPACKET], ids=str)
@given(data=st.data())
def test_a_current_layout_is_found_again_or_called_ambiguous(format_: Format, data: st.DataObject) -> None:
    body = tagged_bodies(format_) if format_ in TAGGED else block_bodies(format_)
    written = encode(format_, data.draw(body))
    try:
        assert frames.detect(written) is format_
    except AmbiguousFormatError:
        other = Format.GFS if format_ is Format.MUVR16 else Format.MUVR16
        frames.summarize(written, other)


@pytest.mark.parametrize("format_", [Format.MUVR16, *TAGGED], ids=str)
def test_a_stopped_watch_is_written_and_understood(format_: Format) -> None:
    place = None if format_ is Format.MUVR16 else "left-wrist"
    sequence, duration = (1, 0) if format_ is Format.MUVR16 else (None, None)
    silence = np.empty((0, 3), dtype=np.int16)
    block = make_block(ACCELEROMETER, silence, 50, place, sequence=sequence, start_ms=0, duration_ms=duration)
    data = encode(format_, [block], dead=True)
    assert len(data) == {Format.MUVR16: 17, Format.AD_LEGACY19: 20}.get(format_, 21)
    summary = frames.summarize(data, format_)
    assert summary.dead
    assert summary.blocks == (block.summary,)


@pytest.mark.parametrize("device", [DeviceKind.PEBBLE, DeviceKind.PHONE], ids=str)
def test_muvr16_says_who_sent_it(device: DeviceKind) -> None:
    block = make_block(HEART_RATE, np.array([[60]], dtype=np.int16), 1)
    assert frames.summarize(encode(Format.MUVR16, [block], device=device), Format.MUVR16).device is device


def test_muvr16_blocks_of_several_senders_have_no_one_device() -> None:
    block = make_block(HEART_RATE, np.array([[60]], dtype=np.int16), 1)
    both = b"".join(encode(Format.MUVR16, [block], device=kind) for kind in (DeviceKind.PEBBLE, DeviceKind.PHONE))
    assert frames.summarize(both).device is DeviceKind.UNKNOWN


ROW = np.zeros((1, 3), dtype=np.int16)


@pytest.mark.parametrize(
    ("format_", "blocks"),
    [
        (Format.GFS, [make_block(HEART_RATE, np.zeros((1, 1), dtype=np.int16), 1)]),
        (Format.GFS, [make_block(ACCELEROMETER, ROW, 0)]),
        (Format.GFS, [make_block(ACCELEROMETER, np.zeros((256, 3), dtype=np.int16), 50)]),
        (Format.MULTIPACKET, [make_block(ACCELEROMETER, ROW, 50, "left-wrist")]),
        (Format.MULTIPACKET, []),
        (Format.MUVR16, [make_block(ACCELEROMETER, ROW, 50, sequence=256)]),
        (Format.MUVR16, [make_block(ACCELEROMETER, ROW, 50, start_ms=-1)]),
        (Format.AE, [make_block(ACCELEROMETER, ROW, 50, "wrist")]),
        (
            Format.AE,
            [make_block(ACCELEROMETER, ROW, 50, "left-wrist"), make_block(GYROSCOPE, ROW / 1, 25, "left-wrist")],
        ),
        (Format.AE, []),
        (Format.AD, [make_block(ACCELEROMETER, ROW[:, :2], 50, "left-wrist")]),
        (Format.AE, [make_block(GYROSCOPE, np.full((1, 3), np.nan), 50, "left-wrist")]),
        (Format.GFS_FEFC, [make_block(GYROSCOPE, ROW / 1, 50)]),
    ],
)
def test_what_a_layout_cannot_carry_is_refused(format_: Format, blocks: list[Block]) -> None:
    with pytest.raises(UnencodableError):
        encode(format_, blocks)
