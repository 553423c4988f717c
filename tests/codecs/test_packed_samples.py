"""The vectorised form of a packed layout and its bit-by-bit reading are the same function."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.codecs.bulk import decode_payloads
from kinelog.codecs.errors import TruncatedSamplesError, UnencodableError
from kinelog.codecs.packed_layout import PACKED_11, PACKED_13, PackedField, PackedLayout
from kinelog.codecs.packed_reference import decode_words, encode_words
from kinelog.codecs.packed_samples import SAMPLES_11, SAMPLES_13, PackedSamples


@st.composite
def layouts(draw: st.DrawFn) -> PackedLayout:
    """Any layout that can be declared: words of 1 to 8 bytes, fields anywhere, holes between them."""
    word_bytes = draw(st.integers(1, 8))
    byte_order: Literal["little", "big"] = draw(st.sampled_from(("little", "big")))
    fields: list[PackedField] = []
    at = 0
    while at < 8 * word_bytes and len(fields) < 6:
        at += draw(st.integers(0, 3))
        width = min(draw(st.integers(1, 15)), 8 * word_bytes - at)
        if width <= 0:
            break
        fields.append(PackedField(f"f{len(fields)}", at, width, draw(st.booleans())))
        at += width
    if not fields:
        fields = [PackedField("f0", 0, 8)]
    return PackedLayout("drawn", word_bytes, byte_order, tuple(draw(st.permutations(fields))))


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ((-1, -1, 127), "ffffffff01"),
        ((0, 0, 64), "0000000001"),
        ((376, 592, -784), "78014ac073"),
        ((1, 0, 0), "0100000000"),
        ((0, 1, 0), "0020000000"),
        ((0, 0, 1), "0000000400"),
        ((-1, 0, 0), "ff1f000000"),
        ((0, -1, 0), "00e0ff0300"),
        ((0, 0, -1), "000000fc7f"),
    ],
)
def test_known_words_are_read_and_written(row: tuple[int, int, int], word: str) -> None:
    data = bytes.fromhex(word)
    assert SAMPLES_13.decode(data, 0, 1).tolist() == [list(row)]
    assert SAMPLES_13.encode(np.array([row])) == data
    assert decode_words(PACKED_13, data) == [row]


@pytest.mark.parametrize("packed", [SAMPLES_13, SAMPLES_11], ids=["13-bit", "11-bit"])
@given(data=st.binary(max_size=400), offset=st.integers(0, 7))
def test_both_readings_of_the_device_layouts_agree(packed: PackedSamples, data: bytes, offset: int) -> None:
    count = max(0, len(data) - offset) // 5
    rows = packed.decode(data, offset, count)
    assert rows.shape == (count, 3)
    assert rows.dtype == np.int16
    assert [tuple(row) for row in rows.tolist()] == decode_words(packed.layout, data[offset:])


@given(layout=layouts(), data=st.binary(max_size=200))
def test_both_readings_of_any_layout_agree(layout: PackedLayout, data: bytes) -> None:
    rows = PackedSamples(layout).decode(data, 0, len(data) // layout.word_bytes)
    assert [tuple(row) for row in rows.tolist()] == decode_words(layout, data)


@given(layout=layouts(), data=st.data())
def test_both_writings_of_any_layout_agree(layout: PackedLayout, data: st.DataObject) -> None:
    row = st.tuples(*(st.integers(field.lowest, field.highest) for field in layout.fields))
    rows = data.draw(st.lists(row, max_size=20))
    packed = PackedSamples(layout)
    array = np.array(rows, dtype=np.int64).reshape(len(rows), len(layout.fields))
    written = packed.encode(array, "refuse")
    assert written == encode_words(layout, rows)
    assert [tuple(row) for row in packed.decode(written, 0, len(rows)).tolist()] == rows


@given(st.binary(min_size=5, max_size=5))
def test_spare_bits_are_ignored_and_written_as_zero(word: bytes) -> None:
    flipped = word[:4] + bytes([word[4] ^ 0x80])
    rows = SAMPLES_13.decode(word, 0, 1)
    assert rows.tolist() == SAMPLES_13.decode(flipped, 0, 1).tolist()
    assert SAMPLES_13.encode(rows, "refuse")[4] & 0x80 == 0


@settings(max_examples=10)
@given(count=st.sampled_from([511, 512, 513, 8191, 8192, 8193, 20_000]), seed=st.integers(0, 2**32 - 1))
def test_long_runs_decode_as_short_ones_do(count: int, seed: int) -> None:
    data = np.random.default_rng(seed).bytes(5 * count)
    whole = SAMPLES_13.decode(data, 0, count)
    pieces = [SAMPLES_13.decode(data, 5 * at, min(100, count - at)) for at in range(0, count, 100)]
    np.testing.assert_array_equal(whole, np.vstack(pieces))


@given(st.lists(st.tuples(*[st.integers(-(2**31), 2**31)] * 3), min_size=1, max_size=20))
def test_encoders_clamp_as_the_devices_do(rows: list[tuple[int, int, int]]) -> None:
    written = SAMPLES_13.encode(np.array(rows, dtype=np.int64))
    assert SAMPLES_13.decode(written, 0, len(rows)).tolist() == np.clip(rows, -4095, 4095).tolist()


@pytest.mark.parametrize("value", [-4097, 4096])
def test_an_encoder_that_may_not_clamp_refuses(value: int) -> None:
    with pytest.raises(UnencodableError, match="y does not fit 13 bits"):
        SAMPLES_13.encode(np.array([[0, value, 0]]), "refuse")


@pytest.mark.parametrize("rows", [np.zeros((2, 2), dtype=np.int16), np.zeros((2, 3)), np.zeros(3, dtype=np.int16)])
def test_an_encoder_refuses_rows_of_another_shape_or_kind(rows: np.ndarray) -> None:
    with pytest.raises(UnencodableError):
        SAMPLES_13.encode(rows)


@pytest.mark.parametrize(
    "fields",
    [
        (PackedField("x", 0, 13), PackedField("y", 12, 13)),
        (PackedField("x", 35, 13),),
        (PackedField("x", 0, 17),),
    ],
    ids=["overlapping", "beyond the word", "too wide"],
)
def test_an_impossible_declaration_is_refused(fields: tuple[PackedField, ...]) -> None:
    with pytest.raises(ValueError, match="overlaps another one or leaves the word"):
        PackedLayout("impossible", 5, "little", fields)


def test_unsigned_values_beyond_int16_are_refused_at_compile_time() -> None:
    with pytest.raises(ValueError, match="do not fit int16"):
        PackedSamples(PackedLayout("wide", 2, "little", (PackedField("x", 0, 16, signed=False),)))


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(0, 2**32 - 1))
def test_bulk_decoding_is_the_payloads_one_by_one(sizes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    payloads = [random.bytes(5 * size) for size in sizes]
    single = [row for payload in payloads for row in decode_words(PACKED_13, payload)]
    assert [tuple(row) for row in decode_payloads(payloads).tolist()] == single


def test_bulk_decoding_refuses_a_payload_that_ends_within_a_sample() -> None:
    with pytest.raises(TruncatedSamplesError) as refused:
        decode_payloads([bytes(10), bytes(7)])
    assert refused.value.offset == 17


def test_the_historic_words_hold_eleven_bits() -> None:
    row = (1023, -1024, -1)
    assert decode_words(PACKED_11, SAMPLES_11.encode(np.array([row]), "refuse")) == [row]
