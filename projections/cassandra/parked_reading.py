"""Events that the live views could not fold, as whoever operates the service asks for them."""

from __future__ import annotations

from operator import attrgetter

from kinelog.projections.cassandra.parked_events import ALL_PARKED, parked_row
from kinelog.projections.cassandra.question import Question
from kinelog.projections.rows import ParkedRow


def parked_in(question: Question) -> list[ParkedRow]:
    """Parked events of all live views, by view and place in the log."""
    live = list(question.live.values())
    found = question.all((ALL_PARKED, (each.view, each.generation)) for each in live)
    parked = [parked_row(each.view, row) for each, rows in zip(live, found, strict=True) for row in rows]
    return sorted(parked, key=attrgetter("view", "shard", "position"))
