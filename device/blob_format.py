"""A model blob byte by byte: its structures, its limits, and the error that says where bytes break them."""

from __future__ import annotations

import struct
from typing import Final

MAGIC: Final = b"KLMODEL\0"
SCHEMA: Final = 1
ROW_INTERLEAVED: Final = 1
"""The layout of a window: rows are instants; columns x, y, z of the first site, x, y, z of the second, …"""
MILLI_G: Final = 1
"""The unit of a window: int16 thousandths of g, gravity included."""
MASKED: Final = 1
"""Flag: one more input a site, 1 where it delivers and 0 where it does not."""

HEADER: Final = struct.Struct("<8sHBBHHBBHHHHHHHffIIII")
LAYER: Final = struct.Struct("<BBHHHI")
GROUP_ALIGNMENT: Final = 4
VECTOR_HEAD: Final = struct.Struct("<Hh")

FIELDS: Final = (
    "magic",
    "schema",
    "front_end",
    "layout",
    "window",
    "rate_hz",
    "unit",
    "sites",
    "features_per_site",
    "flags",
    "layers",
    "outputs",
    "labels",
    "vectors",
    "reserved",
    "temperature",
    "abstain_below",
    "weights_bytes",
    "vectors_bytes",
    "total_bytes",
    "reserved",
)
"""Names of the header's fields, in order."""

CONV: Final = 1
DENSE: Final = 0

MAX_WEIGHTS_BYTES: Final = 32 * 1024
MAX_BLOB_BYTES: Final = 48 * 1024
MAX_SITES: Final = 16
MAX_LAYERS: Final = 8
MAX_WIDTH: Final = 1024
"""Outputs of one layer."""
MAX_OUTPUTS: Final = 256
MIN_VECTORS: Final = 16
MAX_VECTORS: Final = 64
TEMPERATURES: Final = (0.01, 100.0)


class BlobError(ValueError):
    """These bytes are no model, or this model is none that bytes can say.

    Attributes:
        field: What is at fault, as the document of the format names it.
        offset: Its first byte, or None where a value was never in bytes.
        reason: What was found, and what would have been right.
    """

    def __init__(self, field: str, offset: int | None, reason: str) -> None:
        """Remember what, where and why."""
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(f"{field}{where}: {reason}")
        self.field = field
        self.offset = offset
        self.reason = reason


def _offsets() -> dict[str, int]:
    offsets: dict[str, int] = {}
    at = 0
    for name, code in zip(FIELDS, ("8s", *HEADER.format[3:]), strict=True):
        offsets.setdefault(name, at)
        at += struct.calcsize("<" + code)
    return offsets


OFFSETS: Final = _offsets()
"""First byte of each field of the header."""


def group_bytes(outputs: int) -> int:
    """Length of the group table: two bytes an output, filled with zeros to a multiple of four."""
    return -(-2 * outputs // GROUP_ALIGNMENT) * GROUP_ALIGNMENT


def vector_bytes(window: int, sites: int, outputs: int, labels: int) -> int:
    """Length of one test vector."""
    return VECTOR_HEAD.size + 2 * window * 3 * sites + 4 * (outputs + labels)
