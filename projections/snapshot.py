"""One consistent moment of the views' store, for readers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.rows import ParkedRow
from kinelog.projections.tables import R, SqlValue, Table
from kinelog.projections.views import ALL_VIEWS

_VIEW_OF_TABLE = {table.name: view.name for view in ALL_VIEWS for table in view.tables}
_VERSIONS = {view.name: view.version for view in ALL_VIEWS}


class Snapshot:
    """Reads the live generation of each view inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Look up which generations are live."""
        self._connection = connection
        self._live = {
            view: generation
            for view, version, generation in connection.execute(
                "SELECT view, version, generation FROM view_versions WHERE state = 'live'"
            )
            if version == _VERSIONS.get(view)
        }

    def select(self, table: Table[R], where: str, values: tuple[SqlValue, ...]) -> Iterator[R]:
        """Rows of a table of the live generation.

        Raises:
            ViewsUnavailableError: The view is not there, or of another version than this code's.
        """
        generation = self._live.get(_VIEW_OF_TABLE[table.name])
        if generation is None:
            raise ViewsUnavailableError(f"view {_VIEW_OF_TABLE[table.name]} is not there in this version (yet)")
        columns = ", ".join(f'"{column}"' for column in table.columns)
        statement = f"SELECT {columns} FROM {table.name}__{generation} WHERE {where}"  # noqa: S608  # all names are ours
        return map(table.decode, self._connection.execute(statement, values))

    def shards(self, view: str) -> list[int]:
        """Shards that a view follows."""
        found = self._connection.execute(
            "SELECT shard FROM offsets WHERE view = ? AND generation = ? ORDER BY shard", (view, self._live.get(view))
        )
        return [shard for (shard,) in found]

    def as_of(self) -> dict[int, int]:
        """How far every live view has come, by shard: what the slowest of them shows."""
        found = self._connection.execute(
            "SELECT shard, min(position) FROM offsets JOIN view_versions USING (view, generation)"
            " WHERE state = 'live' GROUP BY shard ORDER BY shard"
        )
        return dict(found.fetchall())

    def parked(self) -> list[ParkedRow]:
        """Events of the live views that wait."""
        found = self._connection.execute(
            "SELECT view, shard, position, entity, error FROM parked JOIN view_versions USING (view, generation)"
            " WHERE state = 'live' ORDER BY view, shard, position"
        )
        return [ParkedRow(*row) for row in found]
