"""Events that the live views could not fold, as whoever operates the service asks for them."""

from __future__ import annotations

from operator import attrgetter

from kinelog.cassandra_session.connection import Access, Statement
from kinelog.projections.cassandra.columns import number, text
from kinelog.projections.cassandra.question import Question
from kinelog.projections.rows import ParkedRow

_PARKED = Statement(
    "SELECT shard, position, entity, error FROM {views}.parked WHERE view_name = ? AND generation = ?", Access.READ
)


def parked_in(question: Question) -> list[ParkedRow]:
    """Parked events of all live views, by view and place in the log."""
    live = list(question.live.values())
    found = question.all((_PARKED, (each.view, each.generation)) for each in live)
    parked = [
        ParkedRow(each.view, number(shard), number(position), text(entity), text(error) if error else None)
        for each, rows in zip(live, found, strict=True)
        for shard, position, entity, error in rows
    ]
    return sorted(parked, key=attrgetter("view", "shard", "position"))
