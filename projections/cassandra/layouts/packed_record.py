"""Parts of records that may be missing or have no column type: packed into one column, never null."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
from kinelog.cassandra_session.connection import Value

P = TypeVar("P")
_ENCODER = msgspec.msgpack.Encoder()


class Packed(Generic[P]):
    """A packed column of one type."""

    def __init__(self, kind: type[P]) -> None:
        """Pack values of this type."""
        self._decoder = msgspec.msgpack.Decoder(kind)

    def pack(self, value: P) -> bytes:
        """The column."""
        return _ENCODER.encode(value)

    def unpack(self, column: Value) -> P:
        """What was packed.

        Raises:
            msgspec.MsgspecError: The column is not what `pack` made.
        """
        if not isinstance(column, bytes):
            raise msgspec.ValidationError("not a packed column")
        return self._decoder.decode(column)
