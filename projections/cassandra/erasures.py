"""Who is erased, for writers that are behind: digests, and how far in each shard the newest erasure lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kinelog.cassandra_session.connection import Access, Connection, Statement, Value
from kinelog.projections.cassandra.write_times import time_of_row
from kinelog.projections.erased_digest import digest_of
from kinelog.projections.fold import Origin
from kinelog.projections.view_store import Batch

_REGISTER = Statement(
    "INSERT INTO {views}.erased (incarnation, digest, position) VALUES (?, ?, ?) USING TIMESTAMP ?", Access.WRITE
)
_REGISTER_NEWEST = Statement(
    "INSERT INTO {views}.newest_erasures (incarnation, shard, position) VALUES (?, ?, ?) USING TIMESTAMP ?",
    Access.WRITE,
)
_NEWEST = Statement("SELECT shard, position FROM {views}.newest_erasures WHERE incarnation = ?", Access.READ)
_ERASED = Statement("SELECT position FROM {views}.erased WHERE incarnation = ? AND digest = ?", Access.READ)


class Erasures:
    """The list of erased people of each incarnation of the log."""

    def __init__(self, connection: Connection) -> None:
        """Read and write it by a connection."""
        self._connection = connection

    def register(self, incarnation: str, erased: Mapping[str, Origin]) -> None:
        """Write down who is erased, before anything of theirs is deleted: who writes later looks here afterwards."""
        self._connection.write_all(
            [(_REGISTER, (incarnation, digest_of(owner), at.position, time_of_row(at.position)))]
            for owner, at in erased.items()
        )
        self._connection.write_all(
            [(_REGISTER_NEWEST, (incarnation, at.shard, at.position, time_of_row(at.position)))]
            for at in erased.values()
        )

    def behind(self, batches: Iterable[Batch]) -> dict[str, int]:
        """People in these batches whom somebody further in the log has erased, and at which position."""
        found: dict[str, int] = {}
        for incarnation, group in _by_incarnation(batches).items():
            newest = {row[0]: row[1] for row in self._connection.ask(_NEWEST, (incarnation,))}
            owners = {owner for batch in group if _is_behind(batch, newest) for owner in batch.owners}
            if owners:
                asked = sorted(owners)
                answers = self._connection.ask_all((_ERASED, (incarnation, digest_of(owner))) for owner in asked)
                for owner, rows in zip(asked, answers, strict=True):
                    for (position,) in rows:
                        if isinstance(position, int):
                            found[owner] = position
        return found


def _by_incarnation(batches: Iterable[Batch]) -> dict[str, list[Batch]]:
    groups: dict[str, list[Batch]] = {}
    for batch in batches:
        groups.setdefault(batch.generation.incarnation, []).append(batch)
    return groups


def _is_behind(batch: Batch, newest: Mapping[Value, Value]) -> bool:
    """Whether an erasure may lie behind the batch; what is folded again may be of any time."""
    if batch.released:
        return True
    for shard, position in batch.positions.items():
        erasure = newest.get(shard)
        if isinstance(erasure, int) and erasure > position:
            return True
    return False
