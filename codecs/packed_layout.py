"""The declaration of packed samples: which bits of a word hold which axis. Everything else is compiled from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PackedField:
    """One value in a packed word.

    Attributes:
        name: The axis.
        offset: Its lowest bit, counted from the lowest bit of the word.
        width: Its bits, at most 16.
        signed: Whether it is two's complement.
    """

    name: str
    offset: int
    width: int
    signed: bool = True

    @property
    def lowest(self) -> int:
        """The smallest value that fits."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest value that fits."""
        return (1 << (self.width - 1)) - 1 if self.signed else (1 << self.width) - 1


@dataclass(frozen=True, slots=True)
class PackedLayout:
    """A sample as a word of bytes that is divided at odd bits.

    Attributes:
        name: What people call it.
        word_bytes: Bytes of one sample, at most 8.
        byte_order: How the bytes of the file make the word.
        fields: The values, in the order in which a decoder returns them. Bits that no field covers are spare: ignored
            when read, written as 0.
    """

    name: str
    word_bytes: int
    byte_order: Literal["little", "big"]
    fields: tuple[PackedField, ...]

    def __post_init__(self) -> None:
        """Refuse a declaration whose fields overlap or leave the word."""
        taken = 0
        for field in self.fields:
            mask = ((1 << field.width) - 1) << field.offset
            if field.width > 16 or taken & mask or mask >> (8 * self.word_bytes):
                raise ValueError(f"{self.name}: field {field.name} overlaps another one or leaves the word")
            taken |= mask


PACKED_13 = PackedLayout(
    "packed 13-bit", 5, "little", (PackedField("x", 0, 13), PackedField("y", 13, 13), PackedField("z", 26, 13))
)
"""Every Pebble generation from 2014 on; bit 39 is spare."""

PACKED_11 = PackedLayout(
    "packed 11-bit", 5, "little", (PackedField("x", 0, 11), PackedField("y", 11, 11), PackedField("z", 22, 11))
)
"""The earliest recordings (`gfs-fef7`); bits 33 to 39 are spare."""
