"""`sessions_by_id`: a session by its id, which is unique to its person only."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from kinelog.projections.cassandra.layout import Forgetting, Order, QueryTable, Values, Written, of_records
from kinelog.projections.views.session_card import SessionCard
from kinelog.projections.views.sessions_by_id import CARDS

_ENCODER = msgspec.msgpack.Encoder()


def rows_of(card: SessionCard, at: Written) -> Iterable[Values]:
    """One row a session."""
    yield (card.tenant, card.session, card.person, at.shard, card.version, card.started_at_ms, _ENCODER.encode(card))


SESSIONS_BY_ID: QueryTable = of_records(
    CARDS,
    "sessions_by_id",
    columns=(
        ("tenant", "text"),
        ("session", "text"),
        ("person", "text"),
        ("shard", "int"),
        ("version", "bigint"),
        ("started_at_ms", "bigint"),
        ("card", "blob"),
    ),  # fmt: skip
    partition=("tenant", "session"),
    clustering=(("person", Order.ASC),),
    rows=rows_of,
    forgetting=Forgetting.ROW,
)

CARD_TABLES: tuple[QueryTable, ...] = (SESSIONS_BY_ID,)
