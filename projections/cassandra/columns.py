"""Columns of a row as what their tables say they are: a row of the driver may hold anything."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Value
from kinelog.projections.errors import ViewsUnavailableError


def number(value: Value) -> int:
    """A `bigint` or `int`."""
    if not isinstance(value, int):
        raise ViewsUnavailableError(
            f"a query table holds {type(value).__name__} instead of a number: rebuild the views"
        )
    return value


def text(value: Value) -> str:
    """A `text`."""
    if not isinstance(value, str):
        raise ViewsUnavailableError(f"a query table holds {type(value).__name__} instead of a text: rebuild the views")
    return value


def blob(value: Value) -> bytes:
    """A `blob`."""
    if not isinstance(value, bytes):
        raise ViewsUnavailableError(f"a query table holds {type(value).__name__} instead of bytes: rebuild the views")
    return value
