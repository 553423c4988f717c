"""The header `traceparent` (W3C Trace Context, version 00): how a caller says which trace a request belongs to."""

from __future__ import annotations

import re
from typing import NamedTuple

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_SAMPLED = 1


class Caller(NamedTuple):
    """Whose trace it is, which span asks, and whether the caller keeps the trace."""

    trace_id: bytes
    span_id: bytes
    kept: bool


def parsed(header: str | None) -> Caller | None:
    """What a header says; None where there is none, or none as the standard has it."""
    match = None if header is None else _FORM.fullmatch(header)
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return Caller(bytes.fromhex(trace_id), bytes.fromhex(span_id), bool(int(flags, 16) & _SAMPLED))


def written(trace_id: bytes, span_id: bytes) -> str:
    """The header of a span whose trace is kept."""
    return f"00-{trace_id.hex()}-{span_id.hex()}-01"
