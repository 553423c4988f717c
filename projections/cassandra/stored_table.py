"""A query table of one generation: its statements, and the parts of a row's key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Annotated

import msgspec
from kinelog.cassandra_session.connection import Access, Request, Statement, Value
from kinelog.projections.cassandra.layout import Forgetting, QueryTable, Values
from kinelog.projections.cassandra.write_times import time_of_delete, time_of_row

BIGINT_MAX = 2**63 - 1
INT_MAX = 2**31 - 1
_BIGINT = Annotated[int, msgspec.Meta(ge=-BIGINT_MAX - 1, le=BIGINT_MAX)]
_INT = Annotated[int, msgspec.Meta(ge=-INT_MAX - 1, le=INT_MAX)]
_TYPES: dict[str, object] = {
    "text": str,
    "bigint": _BIGINT,
    "int": _INT,
    "double": float,
    "boolean": bool,
    "blob": bytes,
}
_ENCODER = msgspec.msgpack.Encoder()


class StoredTable:
    """Writes and deletes rows of a query table, with the positions of the log for times."""

    def __init__(self, table: QueryTable, generation: int) -> None:
        """Word the statements; nothing is sent."""
        self.table = table
        self.name = table.stored_name(generation)
        names = [name for name, _ in table.columns]
        partition = _where(table.partition)
        self._insert = Statement(
            f"INSERT INTO {{views}}.{self.name} ({_quoted(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608  # names are ours
            " USING TIMESTAMP ?",
            Access.WRITE,
        )
        self._delete = Statement(
            f"DELETE FROM {{views}}.{self.name} USING TIMESTAMP ? WHERE {_where(table.key)}",  # noqa: S608
            Access.WRITE,
        )
        self._delete_partition = Statement(
            f"DELETE FROM {{views}}.{self.name} USING TIMESTAMP ? WHERE {partition}",  # noqa: S608
            Access.WRITE,
        )
        clustering = [name for name, _ in table.clustering]
        self._search = Statement(
            f"SELECT entity, {_quoted(clustering)} FROM {{views}}.{self.name} WHERE {partition}",  # noqa: S608
            Access.READ,
        )
        self.key_of: Callable[[Values], Values] = _getter([names.index(name) for name in table.key])
        self.partition_of: Callable[[Values], Values] = _getter([names.index(name) for name in table.partition])
        self._partition_columns = len(table.partition)
        row_type = tuple.__class_getitem__(tuple(_TYPES[kind] for _, kind in table.columns))
        self._rows_type = list.__class_getitem__(row_type)

    @property
    def definition(self) -> str:
        """The statement that makes the table."""
        table = self.table
        columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns)
        clustering = "".join(f', "{name}"' for name, _ in table.clustering)
        order = ", ".join(f'"{name}" {order.value}' for name, order in table.clustering)
        return (
            f"CREATE TABLE IF NOT EXISTS {{views}}.{self.name} ({columns}, PRIMARY KEY"
            f" (({_quoted(table.partition)}){clustering}))" + (f" WITH CLUSTERING ORDER BY ({order})" if order else "")
        )

    def check(self, rows: Sequence[Values]) -> None:
        """See to it that rows can be stored, before any of a batch is.

        Raises:
            ValueError, OverflowError, TypeError: A value does not fit its column; the message does not quote it.
        """
        try:
            msgspec.convert(rows, self._rows_type)
            _ENCODER.encode(rows)  # refuses text that is not Unicode
        except msgspec.ValidationError as error:
            raise ValueError(f"{self.table.name}: {error}") from None

    def put(self, row: Values, position: int) -> Request:
        """Write a row."""
        return self._insert, (*row, time_of_row(position))

    def delete(self, key: Values, position: int) -> Request:
        """Delete a row by its key."""
        return self._delete, (time_of_delete(position), *key)

    def delete_partition(self, partition: Values, position: int) -> Request:
        """Delete a whole partition."""
        return self._delete_partition, (time_of_delete(position), *partition)

    def search(self, partition: Values) -> Request:
        """Ask for entity and clustering key of a partition's rows."""
        return self._search, partition

    def noted(self, row: Values) -> Values:
        """The part of a row's key that is written down before the row, so that it is found again when it has to go."""
        if self.table.forgetting is Forgetting.ROW:
            return self.key_of(row)
        return self.partition_of(row)

    def partition_in(self, key: Values) -> Values:
        """The partition of a key."""
        return key[: self._partition_columns]


def _getter(places: list[int]) -> Callable[[Values], Values]:
    if len(places) == 1:
        only = places[0]
        return lambda row: (row[only],)
    get: Callable[[Values], tuple[Value, ...]] = itemgetter(*places)
    return get


def _where(names: Sequence[str]) -> str:
    return " AND ".join(f'"{name}" = ?' for name in names)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
