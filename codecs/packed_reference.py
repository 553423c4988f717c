"""The same packed layouts read bit by bit with bitstring: slow, obvious, and the judge of the vectorised form."""

from __future__ import annotations

from collections.abc import Sequence

from bitstring import Bits
from kinelog.codecs.packed_layout import PackedLayout


def decode_words(layout: PackedLayout, data: bytes) -> list[tuple[int, ...]]:
    """Unpack whole words; a rest of bytes that makes no word is left out.

    Returns:
        One tuple a word, in the order of the layout's fields.
    """
    size = layout.word_bytes
    return [_decode_word(layout, data[at : at + size]) for at in range(0, len(data) - size + 1, size)]


def _decode_word(layout: PackedLayout, word: bytes) -> tuple[int, ...]:
    bits = Bits(word if layout.byte_order == "big" else word[::-1])
    values = []
    for field in layout.fields:
        # bitstring counts from the highest bit, the declaration from the lowest.
        end = len(bits) - field.offset
        own = bits[end - field.width : end]
        values.append(own.int if field.signed else own.uint)
    return tuple(values)


def encode_words(layout: PackedLayout, rows: Sequence[Sequence[int]]) -> bytes:
    """Pack rows whose values fit, spare bits 0."""
    return b"".join(_encode_word(layout, row) for row in rows)


def _encode_word(layout: PackedLayout, row: Sequence[int]) -> bytes:
    word = Bits.from_zeros(8 * layout.word_bytes)
    for field, value in zip(layout.fields, row, strict=True):
        own = Bits(int=value, length=field.width) if field.signed else Bits(uint=value, length=field.width)
        above = Bits.from_zeros(len(word) - field.offset - field.width)
        word |= above + own + Bits.from_zeros(field.offset)
    data = word.tobytes()
    return data if layout.byte_order == "big" else data[::-1]
