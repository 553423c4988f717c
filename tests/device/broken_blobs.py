"""Blobs that break one rule each, with the field at fault: both evaluators have to name it."""

from __future__ import annotations

import struct

from kinelog.device import blob_format as fmt
from kinelog.device.blob import FrontEnd, pack_blob

from tests.device.made_models import made_model

BLOB = pack_blob(made_model(FrontEnd.BOTH, 1, [(4, 5, 2)], [6], outputs=5, labels=3))
LAYERS = fmt.HEADER.size
GROUP = LAYERS + 3 * fmt.LAYER.size
WEIGHTS = GROUP + 12

HEADER_FAULTS: list[tuple[str, str, float | bytes]] = [
    ("magic", "8s", b"KLMODEM\0"),
    ("schema", "H", 2),
    ("front_end", "B", 3),
    ("layout", "B", 0),
    ("window", "H", 49),
    ("rate_hz", "H", 100),
    ("unit", "B", 2),
    ("sites", "B", 0),
    ("sites", "B", 17),
    ("features_per_site", "H", 1),
    ("flags", "H", 2),
    ("layers", "H", 0),
    ("layers", "H", 9),
    ("outputs", "H", 0),
    ("outputs", "H", 257),
    ("labels", "H", 6),
    ("vectors", "H", 15),
    ("vectors", "H", 65),
    ("reserved", "H", 1),
    ("temperature", "f", 0.0),
    ("temperature", "f", float("nan")),
    ("temperature", "f", float("inf")),
    ("temperature", "f", -1.0),
    ("abstain_below", "f", 1.5),
    ("abstain_below", "f", float("nan")),
    ("weights_bytes", "I", 0),
    ("weights_bytes", "I", 32772),
    ("vectors_bytes", "I", 4),
    ("total_bytes", "I", 0xFFFFFFFF),
]
"""Field, its code for `struct`, and a value that it must not have."""

BODY_FAULTS: list[tuple[int, str, float, str]] = [
    (LAYERS, "B", 2, "layer 0 kind"),
    (LAYERS + 1, "B", 4, "layer 0 activation"),
    (LAYERS + 1, "B", 5, "layer 0 activation"),
    (LAYERS + 2, "H", 0, "layer 0 outputs"),
    (LAYERS + 4, "H", 0, "layer 0 kernel"),
    (LAYERS + 4, "H", 51, "layer 0 kernel"),
    (LAYERS + 6, "H", 0, "layer 0 stride"),
    (LAYERS + 8, "I", 4, "layer 0 inputs"),
    (LAYERS + 12 + 2, "H", 7, "layer 2 inputs"),
    (LAYERS + 12 + 4, "H", 1, "layer 1 kernel"),
    (LAYERS + 12 + 8, "I", 0xFFFFFFFF, "layer 1 inputs"),
    (LAYERS + 24 + 1, "B", 0, "layer 2 activation"),
    (LAYERS + 24 + 2, "H", 4, "layer 2 outputs"),
    (GROUP, "H", 3, "group of output 0"),
    (GROUP + 10, "H", 1, "group"),
    (WEIGHTS + 4, "f", float("nan"), "layer 0 weights"),
    (WEIGHTS, "f", float("-inf"), "layer 0 weights"),
    (len(BLOB) - 4, "f", float("nan"), "vector 15 probabilities"),
    (len(BLOB) - 4, "f", 0.9999, "vector 15 probabilities"),
    (len(BLOB) - 12, "f", -0.5, "vector 15 probabilities"),
    (len(BLOB) - 16, "f", float("inf"), "vector 15 logits"),
    (len(BLOB) - 336, "H", 0, "vector 15 present"),
    (len(BLOB) - 336, "H", 3, "vector 15 present"),
    (len(BLOB) - 334, "h", 3, "vector 15 decision"),
    (len(BLOB) - 334, "h", -2, "vector 15 decision"),
]
"""Byte, code, value, and the field that is then at fault."""


def with_field(field: str, code: str, value: float | bytes) -> bytes:
    """The good blob with another value in a field of its header."""
    return with_bytes(fmt.OFFSETS[field], code, value)


def with_bytes(at: int, code: str, *values: float | bytes) -> bytes:
    """The good blob with other values at a byte."""
    data = bytearray(BLOB)
    struct.pack_into("<" + code, data, at, *values)
    return bytes(data)


def with_more_weights() -> bytes:
    """A blob that says of itself, in every length, that it has one weight more than its layers have."""
    data = bytearray(BLOB[:WEIGHTS] + bytes(4) + BLOB[WEIGHTS:])
    for field in ("weights_bytes", "total_bytes"):
        (size,) = struct.unpack_from("<I", data, fmt.OFFSETS[field])
        struct.pack_into("<I", data, fmt.OFFSETS[field], size + 4)
    return bytes(data)
