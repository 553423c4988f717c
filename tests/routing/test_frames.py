"""Frames: whatever way the network cuts them, they arrive whole, once and unchanged, or the connection is over."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.routing.errors import MessageError, TooLargeError
from kinelog.routing.frames import HANDSHAKE_BYTES, FrameReader, FrameWriter, open_frame

KEY = bytes(range(32))
LIMIT = 1_000


def reader_of(key: bytes = KEY) -> FrameReader:
    reader = FrameReader()
    reader.sealed_with(key, LIMIT)
    return reader


def all_of(reader: FrameReader) -> list[bytes]:
    payloads = []
    while (payload := reader.next()) is not None:
        payloads.append(payload)
    return payloads


@given(st.lists(st.binary(max_size=60), max_size=5), st.lists(st.integers(0, 400), max_size=6))
def test_payloads_arrive_in_order_however_they_are_cut(payloads: list[bytes], cuts: list[int]) -> None:
    writer, reader = FrameWriter(KEY, LIMIT), reader_of()
    stream = b"".join(map(writer.frame, payloads))
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    arrived = []
    for start, end in itertools.pairwise(edges):
        reader.feed(stream[start:end])
        arrived += all_of(reader)
    assert arrived == payloads


@given(st.data())
def test_a_bit_that_was_changed_is_seen(data: st.DataObject) -> None:
    frame = bytearray(FrameWriter(KEY, LIMIT).frame(b"the command of somebody"))
    place = data.draw(st.integers(4, len(frame) - 1))
    frame[place] ^= 1 << data.draw(st.integers(0, 7))
    reader = reader_of()
    reader.feed(bytes(frame))
    with pytest.raises(MessageError, match="seal"):
        reader.next()


@pytest.mark.parametrize("order", [(0, 0), (1, 0), (0, 2)], ids=["repeated", "exchanged", "left out"])
def test_frames_out_of_order_are_seen(order: tuple[int, int]) -> None:
    writer = FrameWriter(KEY, LIMIT)
    frames = [writer.frame(b"one"), writer.frame(b"two"), writer.frame(b"three")]
    reader = reader_of()
    reader.feed(b"".join(frames[number] for number in order))
    with pytest.raises(MessageError, match="seal"):
        all_of(reader)


def test_a_frame_of_the_other_direction_is_seen() -> None:
    reader = reader_of(b"the key of the other direction....")
    reader.feed(FrameWriter(KEY, LIMIT).frame(b"one"))
    with pytest.raises(MessageError, match="seal"):
        reader.next()


@pytest.mark.parametrize("length", [HANDSHAKE_BYTES + 1, 1 << 31, (1 << 32) - 1])
def test_a_stranger_cannot_have_room_kept_for_a_long_frame(length: int) -> None:
    reader = FrameReader()
    reader.feed(struct.pack(">I", length))
    with pytest.raises(MessageError, match="at most 1024"):
        reader.next()


def test_a_frame_is_refused_by_its_length_before_it_has_come() -> None:
    reader = reader_of()
    reader.feed(struct.pack(">I", LIMIT + 17))
    with pytest.raises(MessageError, match="at most"):
        reader.next()


def test_a_frame_too_short_for_its_seal_is_refused() -> None:
    reader = reader_of()
    reader.feed(open_frame(b"short"))
    with pytest.raises(MessageError, match="too short"):
        reader.next()


def test_a_payload_that_the_other_side_would_refuse_is_not_sent_and_takes_no_number() -> None:
    writer, reader = FrameWriter(KEY, LIMIT), reader_of()
    with pytest.raises(TooLargeError):
        writer.frame(b"x" * (LIMIT + 1))
    reader.feed(writer.frame(b"x" * LIMIT))
    assert reader.next() == b"x" * LIMIT
