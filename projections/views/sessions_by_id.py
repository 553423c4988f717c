"""`sessions_by_id`: one row a session, with everything a list shows.

The other two orderings of sessions point here, so that a frame changes one row and not three.
"""

from __future__ import annotations

from kinelog.domain.events import Event, SessionStarted
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.tables import Table
from kinelog.projections.views.session_card import CARD_EVENTS, SessionCard, change_card, new_card

CARDS = Table("sessions_by_id", SessionCard, key=("entity",), indexes=(("tenant", "session"),))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """Keep the session's card."""
    if isinstance(event, SessionStarted):
        rows.put(CARDS, new_card(at, event))
        return
    card = rows.one(CARDS, at.entity)
    if card is not None:  # a deleted session has none, and stays gone whatever still arrives
        change_card(card, at, event)
        rows.put(CARDS, card)


SESSIONS_BY_ID = view("sessions_by_id", 1, (CARDS,), CARD_EVENTS, fold)
