"""`sessions_by_user`: a person's sessions in order of their start."""

from __future__ import annotations

from kinelog.domain.events import Event, SessionStarted
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.tables import Record, Table


class UserSession(Record):
    """A session in its person's list."""

    tenant: str
    person: str
    started_at_ms: int
    session: str


USER_SESSIONS = Table("sessions_by_user", UserSession, key=("tenant", "person", "started_at_ms", "session"))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """List a session when it starts."""
    if isinstance(event, SessionStarted):
        tenant, person, session = at.names
        rows.put(USER_SESSIONS, UserSession(at.entity, tenant, person, event.started_at_ms, session))


SESSIONS_BY_USER = view("sessions_by_user", 1, (USER_SESSIONS,), (SessionStarted,), fold)
