"""How a view's rows are laid out: a record type, its key, and the conversion of records to stored columns.

Every table has a column `entity`: the persistence id of the stream whose events made the row. That is what lets a
deletion or an erasure take out a person's rows everywhere without knowing what a view means.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from functools import cached_property
from operator import attrgetter
from typing import Generic, TypeVar

import msgspec

SqlValue = int | float | str | bytes | None
Columns = tuple[SqlValue, ...]
Key = tuple[object, ...]

_ENCODER = msgspec.msgpack.Encoder()
_SQL_TYPES: dict[object, str] = {int: "INTEGER", float: "REAL", str: "TEXT", bytes: "BLOB"}


class Record(msgspec.Struct):
    """Base of stored rows; the fields are the columns, in order.

    Attributes:
        entity: Persistence id of the stream that the row comes from.
    """

    entity: str


R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """A table of a view.

    Args:
        name: Name without the suffix of a generation.
        record: Type of the rows. Plain fields become columns of their own; containers are packed as msgpack.
        key: Names of the key's fields, at least two of them or `entity` alone.
        indexes: Further orderings that readers ask for.
    """

    def __init__(
        self, name: str, record: type[R], key: tuple[str, ...], indexes: tuple[tuple[str, ...], ...] = ()
    ) -> None:
        self.name = name
        self.record = record
        self.key = key
        self.indexes = indexes if key[0] == "entity" else (*indexes, ("entity",))
        self.columns = record.__struct_fields__
        get = attrgetter(*key)
        self.key_of: Callable[[R], Key] = (lambda row: (get(row),)) if len(key) == 1 else get

    @cached_property
    def types(self) -> tuple[tuple[str, bool], ...]:
        """SQL type of each column, and whether the field is packed."""
        hints = typing.get_type_hints(self.record)
        return tuple(_column_type(hints[name]) for name in self.columns)

    @cached_property
    def _packed(self) -> tuple[tuple[int, msgspec.msgpack.Decoder[object]], ...]:
        hints = typing.get_type_hints(self.record)
        return tuple(
            (index, msgspec.msgpack.Decoder(hints[name]))
            for index, (name, (_, packed)) in enumerate(zip(self.columns, self.types, strict=True))
            if packed
        )

    def encode(self, record: R) -> Columns:
        """The record as stored."""
        values = msgspec.structs.astuple(record)
        if not self._packed:
            return values
        columns = list(values)
        for index, _ in self._packed:
            columns[index] = _ENCODER.encode(columns[index])
        return tuple(columns)

    def decode(self, columns: Iterable[SqlValue]) -> R:
        """The record behind stored columns.

        Raises:
            msgspec.MsgspecError: The columns are not what `encode` made.
        """
        values: list[object] = list(columns)
        for index, decoder in self._packed:
            packed = values[index]
            if not isinstance(packed, bytes):
                raise msgspec.ValidationError(f"{self.name}.{self.columns[index]}: not a packed value")
            values[index] = decoder.decode(packed)
        make: Callable[..., R] = self.record
        return make(*values)


def _column_type(hint: object) -> tuple[str, bool]:
    arms = [arm for arm in typing.get_args(hint) or (hint,) if arm is not type(None)]
    if len(arms) == 1 and arms[0] in _SQL_TYPES and typing.get_origin(hint) not in {dict, list, tuple}:
        return _SQL_TYPES[arms[0]], False
    return "BLOB", True
