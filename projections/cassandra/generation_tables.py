"""All tables of one generation of a view."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from kinelog.cassandra_session.connection import Access, Request, Statement
from kinelog.projections.cassandra.fold_rows import FoldTable
from kinelog.projections.cassandra.layout import QueryTable, Values
from kinelog.projections.cassandra.stored_table import StoredTable
from kinelog.projections.cassandra.write_times import time_of_delete, time_of_row
from kinelog.projections.fold import View

Layouts = Mapping[str, tuple[QueryTable, ...]]
"""Query tables by the name of the fold's table that feeds them."""

_ENCODER = msgspec.msgpack.Encoder()
_KEY = msgspec.msgpack.Decoder(list)


class BlockTable:
    """Which partitions of a table have rows of a block of positions: they go together when the block is old."""

    def __init__(self, shown: StoredTable, block_positions: int) -> None:
        """Word the statements; nothing is sent."""
        self.name = f"blocks_{shown.name}"
        self.shown = shown
        self.block_positions = block_positions
        stored = f"{{views}}.{self.name}"
        self._insert = Statement(
            f"INSERT INTO {stored} (shard, block, partition_key) VALUES (?, ?, ?) USING TIMESTAMP ?",  # noqa: S608  # names are ours
            Access.WRITE,
        )
        self._select = Statement(f"SELECT partition_key FROM {stored} WHERE shard = ? AND block = ?", Access.READ)  # noqa: S608
        self._delete = Statement(
            f"DELETE FROM {stored} USING TIMESTAMP ? WHERE shard = ? AND block = ?",  # noqa: S608
            Access.WRITE,
        )

    @property
    def definition(self) -> str:
        """The statement that makes the table."""
        return (
            f"CREATE TABLE IF NOT EXISTS {{views}}.{self.name}"
            " (shard int, block bigint, partition_key blob, PRIMARY KEY ((shard, block), partition_key))"
        )

    def add(self, shard: int, position: int, partition: Values) -> Request:
        """Write down a partition, before its first row."""
        block = position // self.block_positions
        return self._insert, (shard, block, _ENCODER.encode(partition), time_of_row(position))

    def read(self, shard: int, block: int) -> Request:
        """Ask for the partitions of a block."""
        return self._select, (shard, block)

    def drop(self, shard: int, block: int, found: list[Values]) -> list[Request]:
        """Delete a block's partitions, and what is written down of them."""
        behind = (block + 1) * self.block_positions
        partitions = [_KEY.decode(key) for (key,) in found if isinstance(key, bytes)]
        deletes = [self.shown.delete_partition(tuple(partition), behind) for partition in partitions]
        return [*deletes, (self._delete, (time_of_delete(behind), shard, block))]


class GenerationTables:
    """The fold's table, the query tables and what belongs to them."""

    def __init__(self, view: View, generation: int, layouts: Layouts) -> None:
        """Word the statements; nothing is sent."""
        self.view = view
        self.fold = FoldTable(view.name, generation)
        self.shown: dict[str, tuple[StoredTable, ...]] = {
            table.name: tuple(StoredTable(shown, generation) for shown in layouts.get(table.name, ()))
            for table in view.tables
        }
        self.by_name = {shown.table.name: shown for group in self.shown.values() for shown in group}
        self.blocks = {
            shown.table.name: BlockTable(shown, shown.table.block_positions)
            for shown in self.by_name.values()
            if shown.table.block_positions is not None
        }

    @property
    def definitions(self) -> dict[str, str]:
        """Statements that make the tables, by name."""
        tables: tuple[FoldTable | StoredTable | BlockTable, ...]
        tables = (self.fold, *self.by_name.values(), *self.blocks.values())
        return {table.name: table.definition for table in tables}
