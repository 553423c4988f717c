"""What every field and every bit of a frame means, up to the byte where it stops being one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import TypedDict

from kinelog.codecs import detection, frames
from kinelog.codecs.errors import CodecError, TruncatedHeaderError, TruncatedSamplesError
from kinelog.codecs.explained_blocks import explain_gfs, explain_historic, explain_multipacket, explain_muvr16
from kinelog.codecs.explained_fields import ExplainedField, View, whole_field
from kinelog.codecs.explained_tagged import explain_tagged
from kinelog.codecs.historic_gfs import FEF7, FEFC
from kinelog.codecs.tagged import AD, AD_INT16, AD_LEGACY19, AE
from kinelog.codecs.values import Format, Frame

__all__ = ["ExplainedField", "Explanation", "error_object", "explain", "field_object", "to_json_object"]

_TAGGED = {layout.format: layout for layout in (AE, AD, AD_INT16, AD_LEGACY19)}
_HISTORIC_GFS = {layout.format: layout for layout in (FEFC, FEF7)}


class BlockObject(TypedDict):
    """A block as JSON."""

    kind: str
    location: str | None
    unit: str
    rate_hz: int
    sequence: int | None
    start_ms: int | None
    samples: list[list[int | float]]


class FrameObject(TypedDict):
    """A frame as JSON."""

    format: str
    blocks: list[BlockObject]


class ErrorObject(TypedDict):
    """A refusal as JSON."""

    error: str
    offset: int
    detail: str


class FieldObject(TypedDict):
    """An explained field as JSON."""

    offset: int
    size: int
    bits: tuple[int, int] | None
    name: str
    hex: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A frame taken apart.

    Attributes:
        format: The layout, named or found; None where it could not be told.
        frame: The decoded frame, or None if it was refused.
        error: Why it was refused, or None.
        fields: What its bytes mean, in their order; of a refused frame those up to the fault.
    """

    format: Format | None
    frame: Frame | None
    error: CodecError | None
    fields: tuple[ExplainedField, ...]

    def to_json_object(self) -> FrameObject | ErrorObject:
        """The decoded frame, or the error, as one JSON object."""
        if self.frame is not None:
            return to_json_object(self.frame)
        if self.error is None:  # pragma: no cover - one of the two is always there
            raise AssertionError("an explanation holds a frame or an error")
        return error_object(self.error)


def explain(data: bytes, format: Format | None = None, *, all_samples: bool = False) -> Explanation:  # noqa: A002
    """Take a frame apart; bytes that are no frame are explained up to their fault.

    Args:
        data: The frame.
        format: The layout that the caller names, or None to detect it.
        all_samples: Show every sample; otherwise the first two, the last one and the faulty one of each run.
    """
    frame = None
    error = None
    try:
        format = format or detection.detect(data)  # noqa: A001 - the contract's word
        frame = frames.decode(data, format)
    except CodecError as refusal:
        error = refusal
    view = View(data, len(data), all_samples, error.offset if error else None)
    fields = tuple(takewhile(lambda field: _precedes(field, error), _fields(view, format)))
    return Explanation(format, frame, error, fields)


def _precedes(field: ExplainedField, error: CodecError | None) -> bool:
    if error is None or field.offset < error.offset:
        return True
    # What was cut short ends at its fault; what lies there belongs to the next packet.
    return field.offset == error.offset and not isinstance(error, TruncatedHeaderError | TruncatedSamplesError)


def _fields(view: View, of: Format | None) -> Iterator[ExplainedField]:
    if of in _TAGGED:
        return explain_tagged(view, _TAGGED[of])
    if of in _HISTORIC_GFS:
        return explain_historic(view, _HISTORIC_GFS[of])
    if of is Format.GFS:
        return explain_gfs(view)
    if of is Format.MULTIPACKET:
        return explain_multipacket(view)
    if of is Format.MUVR16:
        return explain_muvr16(view)
    return iter([whole_field(view, 0, view.end, "bytes", "", "of no layout that could be told")] if view.end else [])


def to_json_object(frame: Frame) -> FrameObject:
    """A decoded frame as JSON: kind, location, unit, rate, sequence, start and samples of each block."""
    return {
        "format": frame.summary.format.value,
        "blocks": [
            {
                "kind": block.summary.kind.value,
                "location": block.summary.location,
                "unit": block.summary.unit,
                "rate_hz": block.summary.rate_hz,
                "sequence": block.summary.sequence,
                "start_ms": block.summary.start_ms,
                "samples": block.samples.tolist(),
            }
            for block in frame.blocks
        ],
    }


def error_object(error: CodecError) -> ErrorObject:
    """A refusal as JSON."""
    return {"error": error.code, "offset": error.offset, "detail": error.detail}


def field_object(field: ExplainedField) -> FieldObject:
    """An explained field as JSON."""
    return {
        "offset": field.offset,
        "size": field.size,
        "bits": field.bits,
        "name": field.name,
        "hex": field.hex,
        "value": field.value,
        "meaning": field.meaning,
    }
