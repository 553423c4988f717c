"""The SQL of a view's tables in one generation: how they are made, read, written and dropped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from kinelog.projections.fold import View
from kinelog.projections.row_buffer import RowBuffer, StoredRows
from kinelog.projections.tables import Record, Table
from typing_extensions import override

DROP_STEP = 4000
"""Rows a transaction takes out of a table that goes: a large drop would hold up the live views."""


def stored_name(table: Table[Record], generation: int) -> str:
    """Name of a table in the store."""
    return f"{table.name}__{generation}"


def create(connection: sqlite3.Connection, view: View, generation: int) -> None:
    """Make a view's tables."""
    for table in view.tables:
        name = stored_name(table, generation)
        columns = ", ".join(f'"{column}" {kind}' for column, (kind, _) in zip(table.columns, table.types, strict=True))
        key = _quoted(table.key)
        connection.execute(f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({key})) WITHOUT ROWID")
        for number, index in enumerate(table.indexes):
            connection.execute(f"CREATE INDEX {name}_{number} ON {name} ({_quoted(index)})")


class ViewTables(StoredRows):
    """Reads and writes one view in one generation, over a connection of its owner."""

    def __init__(self, connection: sqlite3.Connection, view: View, generation: int) -> None:
        """Prepare the statements."""
        self.view = view
        self.generation = generation
        self._connection = connection
        self._select = {}
        self._insert = {}
        self._delete = {}
        for table in view.tables:
            name = stored_name(table, generation)
            marks = ", ".join("?" * len(table.columns))
            where = " AND ".join(f'"{column}" = ?' for column in table.key)
            self._select[table.name] = f"SELECT {_quoted(table.columns)} FROM {name} WHERE entity = ?"  # noqa: S608  # names are ours
            self._insert[table.name] = f"INSERT OR REPLACE INTO {name} VALUES ({marks})"  # noqa: S608
            self._delete[table.name] = f"DELETE FROM {name} WHERE {where}"  # noqa: S608

    @override
    def fetch(self, entities: Iterable[str]) -> None:
        """Nothing to do: a row is as near as the file."""

    @override
    def applied(self, entity: str) -> int:
        """Rows and offsets are written together: no row is ahead of its offset."""
        return 0

    @override
    def let_go(self) -> None:
        """Nothing is kept."""

    @override
    def load(self, table: Table[Record], entity: str) -> list[Record]:
        found = self._connection.execute(self._select[table.name], (entity,))
        return [table.decode(columns) for columns in found]

    def write(self, buffer: RowBuffer) -> None:
        """Write a batch's changes; the caller's transaction is open.

        What is forgotten goes first: whatever else is in the buffer came behind it.
        """
        for forgotten in buffer.forgotten:
            self.forget(forgotten.owner)
        for table in self.view.tables:
            changes = buffer.dirty[table.name]
            gone = [key for key, change in changes.items() if change.record is None]
            if gone:
                self._connection.executemany(self._delete[table.name], gone)
            rows = [table.encode(change.record) for change in changes.values() if change.record is not None]
            rows.extend(line.columns for line in buffer.appended[table.name])
            if rows:
                self._connection.executemany(self._insert[table.name], rows)

    def forget(self, owner: str) -> None:
        """Remove every row of a session, or of a person with all their sessions."""
        for table in self.view.tables:
            forget_rows(self._connection, stored_name(table, self.generation), owner)

    def keep_tail(self, shard: int, offset: int) -> None:
        """Drop what is further behind the offset than the view keeps."""
        if self.view.kept_positions is None:
            return
        name = stored_name(self.view.tables[0], self.generation)
        self._connection.execute(
            f"DELETE FROM {name} WHERE shard = ? AND position <= ?",  # noqa: S608
            (shard, offset - self.view.kept_positions),
        )


def forget_rows(connection: sqlite3.Connection, stored: str, owner: str) -> None:
    """Remove every row of a session, or of a person with all their sessions, from one stored table."""
    connection.execute(
        f"DELETE FROM {stored} WHERE entity = ? OR (entity > ? AND entity < ?)",  # noqa: S608
        (owner, owner + "/", owner + "0"),  # "0" is the character behind "/"
    )


def drop_slowly(connection: sqlite3.Connection, names: Iterable[str], generation: int) -> None:
    """Empty and drop a generation's tables in small transactions; those already gone are passed over."""
    for name in names:
        stored = f"{name}__{generation}"
        key = [
            column
            for _, column in sorted((place, name) for name, place in _columns_in_key(connection, stored) if place)
        ]
        if not key:
            continue
        columns = _quoted(key)
        up_to = f"SELECT {columns} FROM {stored} ORDER BY {columns} LIMIT 1 OFFSET {DROP_STEP}"  # noqa: S608
        statement = f"DELETE FROM {stored} WHERE ({columns}) <= ({up_to})"  # noqa: S608
        while connection.execute(statement).rowcount > 0:
            pass
        connection.execute(f"DROP TABLE {stored}")


def _columns_in_key(connection: sqlite3.Connection, stored: str) -> list[tuple[str, int]]:
    return [(row[1], row[5]) for row in connection.execute(f"PRAGMA table_info({stored})")]


def _quoted(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
