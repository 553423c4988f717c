"""The front door of the codecs: find the layout, summarise, decode."""

from __future__ import annotations

from kinelog.codecs.values import Format, Frame, FrameSummary


def detect(data: bytes) -> Format:
    """Find which current layout these bytes are in, from their first bytes.

    Raises:
        CodecError: `empty`, `unknown-format` or `ambiguous`.
    """
    raise NotImplementedError


def summarize(data: bytes, format: Format | None = None) -> FrameSummary:  # noqa: A002
    """Validate a frame whole and tell what it holds, without building its samples: the ingest path's call.

    Accepts exactly what `decode` accepts and raises exactly what it raises.

    Args:
        data: The frame as received.
        format: The layout that the caller names, or None to detect it. Historic layouts must be named.

    Raises:
        CodecError: With the case and the byte.
    """
    raise NotImplementedError


def decode(data: bytes, format: Format | None = None) -> Frame:  # noqa: A002
    """Decode a frame whole.

    Raises:
        CodecError: With the case and the byte.
    """
    raise NotImplementedError
