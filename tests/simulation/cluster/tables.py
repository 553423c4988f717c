"""A table as Cassandra keeps it: each cell with its timestamp, the newest wins; what is deleted stays so below.

At equal timestamps a deletion wins over a value, and the greater value over the smaller.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kinelog.cassandra_session.connection import Value

from tests.simulation.cluster.cql import CreateTable

Key = tuple[Value, ...]
NEVER = -(1 << 63)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and when it was written; None was deleted."""

    value: Value
    timestamp: int

    def beats(self, other: Cell) -> bool:
        if self.timestamp != other.timestamp:
            return self.timestamp > other.timestamp
        if self.value is None or other.value is None:
            return self.value is None
        return self.value > other.value  # type: ignore[operator]  # both are of the column's type


@dataclass(slots=True)
class StoredRow:
    """Cells of one row. `marked` is when it was inserted: such a row exists without any cell."""

    cells: dict[str, Cell] = field(default_factory=dict)
    marked: int = NEVER
    deleted: int = NEVER

    def put(self, column: str, cell: Cell) -> None:
        known = self.cells.get(column)
        if known is None or cell.beats(known):
            self.cells[column] = cell

    def live(self, deleted: int) -> dict[str, Value] | None:
        """Values that are neither deleted nor null; None if the row does not exist."""
        deleted = max(deleted, self.deleted)
        values: dict[str, Value] = {
            column: cell.value
            for column, cell in self.cells.items()
            if cell.value is not None and cell.timestamp > deleted
        }
        return values if values or self.marked > deleted else None


@dataclass(frozen=True, slots=True)
class RangeDeletion:
    """Rows whose clustering key satisfies all of `(column number, operator, value)` were deleted."""

    bounds: tuple[tuple[int, str, Value], ...]
    timestamp: int

    def covers(self, key: Key) -> bool:
        return all(holds(key[number], comparison, value) for number, comparison, value in self.bounds)


@dataclass(slots=True)
class Partition:
    """Rows with one partition key. `order` is how their keys are kept, made when somebody asks; no key ever goes."""

    static: StoredRow = field(default_factory=StoredRow)
    rows: dict[Key, StoredRow] = field(default_factory=dict)
    ranges: list[RangeDeletion] = field(default_factory=list)
    deleted: int = NEVER
    order: list[Key] = field(default_factory=list)

    def row(self, key: Key) -> StoredRow:
        found = self.rows.get(key)
        if found is None:
            found = self.rows[key] = StoredRow()
        return found

    def live(self, key: Key) -> dict[str, Value] | None:
        """One row's values."""
        row = self.rows.get(key)
        if row is None:
            return None
        deleted = max((one.timestamp for one in self.ranges if one.covers(key)), default=NEVER)
        return row.live(max(deleted, self.deleted))

    def live_static(self) -> dict[str, Value]:
        return self.static.live(self.deleted) or {}


class Table:
    """Partitions of one layout."""

    def __init__(self, layout: CreateTable) -> None:
        self.layout = layout
        self.partitions: dict[Key, Partition] = {}

    def partition(self, key: Key) -> Partition:
        found = self.partitions.get(key)
        if found is None:
            found = self.partitions[key] = Partition()
        return found

    def in_order(self, partition: Partition, *, reverse: bool = False) -> Iterator[Key]:
        """Clustering keys in the order in which they are kept."""
        if len(partition.order) != len(partition.rows):
            partition.order = self._sorted(partition)
        return reversed(partition.order) if reverse else iter(partition.order)

    def _sorted(self, partition: Partition) -> list[Key]:
        keys = list(partition.rows)
        for number in reversed(range(len(self.layout.clustering))):
            falling = self.layout.clustering[number] in self.layout.descending
            keys.sort(key=lambda key: key[number], reverse=falling)  # type: ignore[arg-type,return-value]
        return keys

    def contents(self) -> list[tuple[Key, dict[str, Value]]]:
        """Everything that can be read of it, for whoever compares tables: in order, timestamps left out."""
        found: list[tuple[Key, dict[str, Value]]] = []
        for key, partition in sorted(self.partitions.items(), key=lambda item: repr(item[0])):
            static = partition.live_static()
            if static:
                found.append((key, dict(sorted(static.items()))))
            for clustering in self.in_order(partition):
                values = partition.live(clustering)
                if values is not None:
                    found.append((key + clustering, dict(sorted(values.items()))))
        return found


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {  # columns hold one type each, which Python need not know
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(known: Value | Key, comparison: str, asked: Value | Key) -> bool:
    """Whether `known comparison asked`; nothing compares with null but for equality."""
    if (known is None or asked is None) and comparison not in {"=", "!="}:
        return False
    return _COMPARE[comparison](known, asked)


def row_of(layout: CreateTable, partition: Key, clustering: Key, values: Mapping[str, Value]) -> dict[str, Value]:
    """All columns of a row by name."""
    keys = dict(zip(layout.partition, partition, strict=True))
    keys |= dict(zip(layout.clustering, clustering or (None,) * len(layout.clustering), strict=True))
    return keys | dict(values)
