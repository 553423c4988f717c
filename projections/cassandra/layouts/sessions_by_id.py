"""`sessions_by_id`: a session's card in the three places where it is asked for.

The whole card stands in each, so that a page of a list is one slice of a partition. Lists of a person need no periods:
how many sessions one person may have is bounded (`Limits.sessions_per_user`).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from kinelog.cassandra_session.connection import Value
from kinelog.projections.cassandra.layout import Order, QueryTable, Values, Written, columns_of, of_records
from kinelog.projections.cassandra.periods import day_of
from kinelog.projections.views.session_card import SessionCard
from kinelog.projections.views.sessions_by_id import CARDS

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(SessionCard)

_CARD = columns_of("shard int, version bigint, status text, card blob")


def card_in(content: Value) -> SessionCard:
    """The card of a row's column `card`.

    Raises:
        msgspec.MsgspecError: It is not what the layout made.
    """
    return _DECODER.decode(content if isinstance(content, bytes) else b"")


def _card(card: SessionCard, at: Written) -> Values:
    return (at.shard, card.version, card.status, _ENCODER.encode(card))


def _by_id(card: SessionCard, at: Written) -> Iterable[Values]:
    yield (card.tenant, card.session, card.person, *_card(card, at))


def _by_user(card: SessionCard, at: Written) -> Iterable[Values]:
    yield (card.tenant, card.person, card.started_at_ms, card.session, *_card(card, at))


def _by_gym_day(card: SessionCard, at: Written) -> Iterable[Values]:
    if card.gym is not None:
        start = card.started_at_ms
        yield (card.tenant, card.gym, day_of(start), start, card.person, card.session, *_card(card, at))


SESSIONS_BY_ID = of_records(
    CARDS,
    "sessions_by_id",
    columns=columns_of("tenant text, session text, person text") + _CARD,
    partition=("tenant", "session"),
    clustering=(("person", Order.ASC),),
    rows=_by_id,
)
"""`session()`: everybody's session of this id."""

SESSIONS_BY_USER = of_records(
    CARDS,
    "sessions_by_user",
    columns=columns_of("tenant text, person text, started_at_ms bigint, session text") + _CARD,
    partition=("tenant", "person"),
    clustering=(("started_at_ms", Order.DESC), ("session", Order.DESC)),
    rows=_by_user,
)
"""`sessions_of_person()`: one slice."""

SESSIONS_BY_GYM_DAY = of_records(
    CARDS,
    "sessions_by_gym_day",
    columns=columns_of("tenant text, gym text, day int, started_at_ms bigint, person text, session text") + _CARD,
    partition=("tenant", "gym", "day"),
    clustering=(("started_at_ms", Order.DESC), ("person", Order.DESC), ("session", Order.DESC)),
    rows=_by_gym_day,
)
"""`sessions_of_gym()`: a slice of each day that the page reaches into."""

CARD_TABLES: tuple[QueryTable, ...] = (SESSIONS_BY_ID, SESSIONS_BY_USER, SESSIONS_BY_GYM_DAY)
