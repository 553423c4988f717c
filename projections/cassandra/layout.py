"""What a query table is: real columns, keys made for one question, and how rows of it come from rows of a fold.

The rules that make several writers harmless, and that every layout keeps:

* The key of a row made from a record depends on the record's key and on fields that never change while the record has
  that key. A record that moves is dropped and put again, and its old rows are deleted then.
* Records of one entity may share a row only if it says the same in each of them and none of them is ever dropped.
* All columns are written each time, and none is null: two writers at one position then write the same row, and a null
  would be a tombstone that every reader of the row passes over. What may be missing goes into a packed column, or has a
  value that stands for it.
* Nothing but the log's positions orders writes: no TTL, no time of the wall clock, no counter, no secondary index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import cast

from kinelog.cassandra_session.connection import Value
from kinelog.projections.fold import Origin
from kinelog.projections.tables import Columns, R, Record, Table

Values = tuple[Value, ...]
"""Values of all columns of a row, in the order of the table's columns."""


def columns_of(text: str) -> tuple[tuple[str, str], ...]:
    """Names and CQL types of columns, written as in CQL: `tenant text, position bigint`."""
    return tuple((name, kind) for name, kind in (column.split() for column in text.split(",")))


class Order(Enum):
    """How rows of a partition are ordered by a column."""

    ASC = "ASC"
    DESC = "DESC"


class Forgetting(Enum):
    """How the rows of a session, or of a person, are found again when they have to go.

    What is needed is written down with the entity before the rows themselves are written.
    """

    ROW = "row"
    """Every row's key is written down: for partitions that many people share."""
    PARTITION = "partition"
    """The partition's key is written down: nobody but the one entity has rows in it, and it goes as a whole."""
    SEARCH = "search"
    """The partition's key is written down, and it is searched for rows whose column `entity` is the one that goes: for
    tables that get many rows an entity and lose their old partitions anyway."""


Written = Origin
"""Where a row comes from: its stream, the stream's shard, and the position of the event that made the row. The key of a
record's row may not depend on the position; that of an appended row may."""

Rows = Callable[[Record, Written], Iterable[Values]]
AppendedRows = Callable[[Columns, Written], Iterable[Values]]


@dataclass(frozen=True)
class QueryTable:
    """A table that answers one question. Make it with `of_records` or `of_appended`.

    Attributes:
        name: Without the suffix of a generation.
        source: Name of the fold's table whose rows it shows.
        columns: Name and CQL type (`text`, `bigint`, `int`, `double`, `boolean`, `blob`) of each.
        partition: Columns of the partition key; tenant is one of them.
        clustering: The other columns of the key, and their order.
        forgetting: How rows are found again.
        of_record: Makes the rows of a record; `of_columns`: of an appended row. One of them is None.
        block_positions: For tables that keep the tail of the log: column `block` of the partition key is the row's
            position divided by this, and old blocks go as whole partitions. Column `shard` is then in the key too.
    """

    name: str
    source: str
    columns: tuple[tuple[str, str], ...]
    partition: tuple[str, ...]
    clustering: tuple[tuple[str, Order], ...]
    forgetting: Forgetting
    of_record: Rows | None = None
    of_columns: AppendedRows | None = None
    block_positions: int | None = None

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Columns of the whole key, the partition's first."""
        return (*self.partition, *(name for name, _ in self.clustering))

    def stored_name(self, generation: int) -> str:
        """Name in the keyspace of the views."""
        return f"{self.name}_{generation}"


def of_records(
    source: Table[R],
    name: str,
    columns: tuple[tuple[str, str], ...],
    partition: tuple[str, ...],
    clustering: tuple[tuple[str, Order], ...],
    rows: Callable[[R, Written], Iterable[Values]],
    forgetting: Forgetting = Forgetting.ROW,
) -> QueryTable:
    """A table whose rows are a function of one record each: none, one, or a few rows a record."""
    return QueryTable(name, source.name, columns, partition, clustering, forgetting, of_record=cast("Rows", rows))


def of_appended(
    source: Table[R],
    name: str,
    columns: tuple[tuple[str, str], ...],
    partition: tuple[str, ...],
    clustering: tuple[tuple[str, Order], ...],
    rows: AppendedRows,
    forgetting: Forgetting = Forgetting.ROW,
    block_positions: int | None = None,
) -> QueryTable:
    """A table whose rows come from what folds append: immutable functions of one event.

    `rows` gets the columns as the fold appended them (packed fields are packed: `source.decode` makes a record).
    """
    return QueryTable(
        name, source.name, columns, partition, clustering, forgetting, of_columns=rows, block_positions=block_positions
    )
