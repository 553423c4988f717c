"""Events that wait. A row is written and deleted with the position of its event: what is released stays released."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Access, Connection, Row, Statement
from kinelog.projections.cassandra.write_times import time_of_delete, time_of_row
from kinelog.projections.rows import ParkedRow
from kinelog.projections.view_store import Batch, Generation

_PLACE = "view_name = ? AND generation = ?"
_SELECT = f"SELECT shard, position, entity, error FROM {{views}}.parked WHERE {_PLACE}"  # noqa: S608  # all is ours
ALL_PARKED = Statement(_SELECT, Access.READ)
"""All that waits of one generation."""

_OF_OWNER = Statement(f"{_SELECT} AND owner = ?", Access.READ)
_OWNERS = Statement(f"SELECT owner FROM {{views}}.parked WHERE {_PLACE}", Access.READ)  # noqa: S608
_PARK = Statement(
    "INSERT INTO {views}.parked (view_name, generation, owner, shard, position, entity, error)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
    Access.WRITE,
)
_RELEASE = Statement(
    f"DELETE FROM {{views}}.parked USING TIMESTAMP ? WHERE {_PLACE} AND owner = ? AND shard = ? AND position = ?",  # noqa: S608
    Access.WRITE,
)
_FORGET = Statement(
    f"DELETE FROM {{views}}.parked USING TIMESTAMP ? WHERE {_PLACE} AND owner = ?",  # noqa: S608
    Access.WRITE,
)
_WAITS = ""
"""Stands for no error: the event only waits behind another."""


class ParkedEvents:
    """Parked events of all generations."""

    def __init__(self, connection: Connection) -> None:
        """Read and write them by a connection."""
        self._connection = connection

    def owners(self, generation: Generation) -> set[str]:
        """Persons whose events wait."""
        place = (generation.view, generation.generation)
        return {str(owner) for (owner,) in self._connection.ask(_OWNERS, place)}

    def rows(self, generation: Generation, owner: str | None) -> list[ParkedRow]:
        """Events that wait, of one person or of all, in log order."""
        place = (generation.view, generation.generation)
        asked = (ALL_PARKED, place) if owner is None else (_OF_OWNER, (*place, owner))
        found = self._connection.ask(*asked)
        rows = [parked_row(generation.view, row) for row in found]
        return sorted(rows, key=lambda row: (row.shard, row.position))

    def change(self, batch: Batch) -> None:
        """Park what a batch set aside, and release what it has folded, once its rows are written."""
        place = (batch.generation.view, batch.generation.generation)
        parked = [
            (
                _PARK,
                (
                    *place, one.owner, one.shard, one.position, one.entity, one.error or _WAITS,
                    time_of_row(one.position),
                ),
            )
            for one in batch.parked
        ]  # fmt: skip
        still = {(one.shard, one.position) for one in batch.parked}
        released = [
            # a delete as late as the row: the row goes, and a worker that parks the event again later has no effect
            (_RELEASE, (time_of_row(one.position), *place, *one))
            for one in batch.released
            if (one.shard, one.position) not in still
        ]
        self._connection.write_all([parked, released])

    def forget(self, generation: Generation, owner: str, position: int) -> None:
        """Forget a person's events, who is erased at this position."""
        place = (generation.view, generation.generation)
        self._connection.ask(_FORGET, (time_of_delete(position), *place, owner))


def parked_row(view: str, row: Row) -> ParkedRow:
    """What a row of `ALL_PARKED` says."""
    shard, position, entity, error = row
    if not (isinstance(shard, int) and isinstance(position, int)):
        raise TypeError("a parked event without its place")  # the columns are of the key
    return ParkedRow(view, shard, position, str(entity), str(error) if error != _WAITS else None)
