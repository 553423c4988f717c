"""The front door of the codecs: find the layout, summarise, decode."""

from __future__ import annotations

from kinelog.codecs.detection import detect
from kinelog.codecs.layouts import LAYOUTS
from kinelog.codecs.values import Block, Format, Frame, FrameSummary

__all__ = ["decode", "detect", "summarize"]


def summarize(data: bytes, format: Format | None = None) -> FrameSummary:  # noqa: A002 - the contract's word
    """Validate a frame whole and tell what it holds, without building its samples: the ingest path's call.

    Accepts exactly what `decode` accepts and raises exactly what it raises.

    Args:
        data: The frame as received.
        format: The layout that the caller names, or None to detect it. Historic layouts must be named.

    Raises:
        CodecError: With the case and the byte.
    """
    return LAYOUTS[format or detect(data)].summarize(data)


def decode(data: bytes, format: Format | None = None) -> Frame:  # noqa: A002 - the contract's word
    """Decode a frame whole.

    Args:
        data: The frame as received.
        format: The layout that the caller names, or None to detect it. Historic layouts must be named.

    Raises:
        CodecError: With the case and the byte.
    """
    layout = LAYOUTS[format or detect(data)]
    # Nothing is unpacked before everything is checked, and by the one set of checks that `summarize` makes.
    summary = layout.summarize(data)
    return Frame(summary, tuple(map(Block, summary.blocks, layout.samples(data, summary))))
