"""`sessions_by_gym_day`: a gym's sessions in order of their start, and which of them are open.

The key is the start, not the local day: which day that is depends on the gym's time zone, an event of another shard,
and a row must not depend on how shards interleave. A reader turns its days into an interval with the zone the gym has
now, so a zone that was entered wrong is mended for the past too.
"""

from __future__ import annotations

from kinelog.domain.events import Event, SessionAbandoned, SessionEnded, SessionStarted
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.tables import Record, Table


class GymSession(Record):
    """A session in its gym's list; `is_open` is 1 or 0. `opened_ms`: when the service heard of its start."""

    tenant: str
    gym: str
    started_at_ms: int
    is_open: int
    opened_ms: int


GYM_SESSIONS = Table(
    "sessions_by_gym_day",
    GymSession,
    key=("tenant", "gym", "started_at_ms", "entity"),
    indexes=(("tenant", "gym", "is_open", "started_at_ms"),),
)


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """List a session when it starts; mark it when it is over."""
    if isinstance(event, SessionStarted):
        if event.gym is not None:
            start = event.started_at_ms
            rows.put(GYM_SESSIONS, GymSession(at.entity, at.names.tenant, event.gym, start, 1, event.at_ms))
        return
    listed = rows.one(GYM_SESSIONS, at.entity)
    if listed is not None and listed.is_open:
        listed.is_open = 0
        rows.put(GYM_SESSIONS, listed)


SESSIONS_BY_GYM_DAY = view(
    "sessions_by_gym_day", 2, (GYM_SESSIONS,), (SessionStarted, SessionEnded, SessionAbandoned), fold
)
