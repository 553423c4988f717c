"""Sessions in lists: pages behind a key, newest first, of one slice or of slices of days; and who trains now."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Row
from kinelog.projections.cassandra.columns import number, text
from kinelog.projections.cassandra.day_directory import DayDirectory
from kinelog.projections.cassandra.layouts.gym_days import GYM_DAYS, OPEN_BY_GYM
from kinelog.projections.cassandra.layouts.sessions_by_id import (
    SESSIONS_BY_GYM_DAY,
    SESSIONS_BY_ID,
    SESSIONS_BY_USER,
    card_in,
)
from kinelog.projections.cassandra.periods import FIRST_DAY, day_of, year_of_day
from kinelog.projections.cassandra.question import Question
from kinelog.projections.read_side import OPENING_DAYS, PageKey
from kinelog.projections.rows import SessionRow
from kinelog.projections.views.session_card import SessionCard, row_of

PROBED_DAYS = 4
"""Empty days in a row that are looked at before the directory is asked: reading an empty partition reads no row."""

_USER_SLICE = "tenant = ? AND person = ? AND (started_at_ms, session) < (?, ?) AND (started_at_ms) >= (?) LIMIT ?"
_DAY_SLICE = (
    "tenant = ? AND gym = ? AND day = ?"
    " AND (started_at_ms, person, session) < (?, ?, ?) AND (started_at_ms) >= (?) LIMIT ?"
)
_WITH_ID = "tenant = ? AND session = ?"
_OF_PERSON = f"{_WITH_ID} AND person = ?"
_OPENED_SINCE = "tenant = ? AND gym = ? AND year = ? AND day >= ?"
_OPENED_ON = "tenant = ? AND gym = ? AND year = ? AND day = ?"


def cards_of_person(
    question: Question, tenant: str, person: str, low: int, end: PageKey, wanted: int
) -> list[SessionCard]:
    """The first `wanted` sessions of a person before `end` that started at `low` or later, newest first."""
    start, _, session = end
    found = question.rows(SESSIONS_BY_USER, "card", _USER_SLICE, (tenant, person, start, session, low, wanted))
    return [card_in(card) for (card,) in found]


def cards_of_gym(
    question: Question, tenant: str, gym: str, low: int, end: PageKey, wanted: int, now_ms: int
) -> list[SessionCard]:
    """The first `wanted` sessions at a gym before `end` that started at `low` or later, newest first.

    Args:
        question: Where to ask.
        tenant: The gym's tenant.
        gym: Its id.
        low: Unix milliseconds.
        end: Key in front of which the list begins.
        wanted: Most sessions.
        now_ms: Saves looking for days that are yet to come; any value gives the same answer.
    """
    directory = DayDirectory(question, GYM_DAYS, tenant, gym)
    first = day_of(low)
    day = _newest_day(directory, first, day_of(end[0]), day_of(now_ms) + 1)
    cards: list[SessionCard] = []
    empty = 0
    while day is not None and day >= first:
        values = (tenant, gym, day, *end, low, wanted - len(cards))
        found = question.rows(SESSIONS_BY_GYM_DAY, "card", _DAY_SLICE, values)
        cards += [card_in(card) for (card,) in found]
        if len(cards) >= wanted:
            break
        empty = 0 if found else empty + 1
        day = day - 1 if empty < PROBED_DAYS else directory.newest(first, day - 1)
    return cards


def _newest_day(directory: DayDirectory, first: int, last: int, tomorrow: int) -> int | None:
    """Where a list begins: sessions start tomorrow at the latest, unless a clock is wrong."""
    if last <= tomorrow:
        return last
    later = directory.newest_at_once(max(first, tomorrow + 1), last)
    return tomorrow if later is None else later


def sessions_with(question: Question, tenant: str, session: str, person: str | None) -> list[SessionRow]:
    """Everybody's session with this id, or that of one person."""
    if person is None:
        found = question.rows(SESSIONS_BY_ID, "card", _WITH_ID, (tenant, session))
    else:
        found = question.rows(SESSIONS_BY_ID, "card", _OF_PERSON, (tenant, session, person))
    return [row_of(card_in(card)) for (card,) in found]


def open_sessions(question: Question, tenant: str, gym: str, now_ms: int) -> list[SessionRow]:
    """Sessions at a gym that are open, newest first; older ones than the port promises are not looked for."""
    people = _open_entities(question, tenant, gym, day_of(now_ms))
    found = question.all(
        question.request(SESSIONS_BY_ID, "card", _OF_PERSON, (tenant, session, person))
        for _, person, session in (entity.split("/", 2) for entity in people)
    )
    cards = [card_in(card) for rows in found for (card,) in rows]
    cards.sort(key=lambda card: (card.started_at_ms, card.entity), reverse=True)
    return [row_of(card) for card in cards]


def _open_entities(question: Question, tenant: str, gym: str, today: int) -> list[str]:
    since = today - 1
    columns = "day, entity, is_open"
    recent = question.all(
        question.request(OPEN_BY_GYM, columns, _OPENED_SINCE, (tenant, gym, year, since))
        for year in sorted({year_of_day(since), year_of_day(today + 1)})
    )
    opened: list[Row] = [row for rows in recent for row in rows]
    days = {number(row[0]) for row in opened}
    directory = DayDirectory(question, OPEN_BY_GYM, tenant, gym)
    while len(days) < OPENING_DAYS:
        earlier = directory.newest(FIRST_DAY, min(days, default=since) - 1)
        if earlier is None:
            break
        days.add(earlier)
        opened += question.rows(OPEN_BY_GYM, columns, _OPENED_ON, (tenant, gym, year_of_day(earlier), earlier))
    return [text(entity) for _, entity, is_open in opened if is_open]
