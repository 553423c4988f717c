"""Declared headers: the decoders unpack them, the encoders pack them and `explain` names their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, calcsize
from typing import Literal


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One field of a header.

    Attributes:
        name: The field's name.
        code: Its type, as `struct` spells it.
        meaning: What it says, for people.
    """

    name: str
    code: str
    meaning: str


class Header:
    """Fields one behind the other.

    Attributes:
        fields: The fields, in the order of the bytes.
        offset_of: Byte at which each field starts, by name.
        size_of: Bytes of each field, by name.
        size: Bytes of the whole header.
        unpack_from: `Struct.unpack_from` of the whole header.
        pack: `Struct.pack` of the whole header.
    """

    def __init__(self, byte_order: Literal["<", ">"], *fields: HeaderField) -> None:
        """Compile the declaration."""
        layout = Struct(byte_order + "".join(field.code for field in fields))
        self.fields = fields
        self.size = layout.size
        self.unpack_from = layout.unpack_from
        self.pack = layout.pack
        self.offset_of: dict[str, int] = {}
        self.size_of: dict[str, int] = {}
        at = 0
        for field in fields:
            self.offset_of[field.name] = at
            self.size_of[field.name] = calcsize(byte_order + field.code)
            at += self.size_of[field.name]
