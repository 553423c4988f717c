"""A day is what the gym's time zone says."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from kinelog.api.page_times import clock, day_bounds, day_of, duration, offset_ms, parse_day
from kinelog.api.page_words import count, exercise, number, ranges
from kinelog.projections.rows import GapRow

VIENNA = ZoneInfo("Europe/Vienna")
HOUR_MS = 3_600_000


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_local_day_lasts_as_long_as_its_clocks_say(day: date, hours: int) -> None:
    start, end = day_bounds(day, VIENNA)
    assert end - start == hours * HOUR_MS
    assert day_of(start, VIENNA) == day_of(end - 1, VIENNA) == day
    assert clock(start, VIENNA) == "00:00:00"


def test_the_offset_follows_daylight_saving() -> None:
    start, end = day_bounds(date(2026, 3, 29), VIENNA)
    assert (offset_ms(start, VIENNA), offset_ms(end, VIENNA)) == (HOUR_MS, 2 * HOUR_MS)


@pytest.mark.parametrize("text", ["", "today", "2026-13-01", "0001-01-01", "9999-12-31", "2026-03-01T00:00"])
def test_what_is_no_reasonable_day_is_none(text: str) -> None:
    assert parse_day(text) is None


def test_durations_read_like_people_say_them() -> None:
    assert [duration(at) for at in (0, 7_400, 307_000, 3_900_000)] == ["0 s", "7 s", "5 min 07 s", "1 h 05 min"]


def test_numbers_lose_needless_zeros_but_no_digit_that_counts() -> None:
    assert [number(20.0, 0), number(12.5), number(12.0), number(100), number(None), number(-0.25, 2)] == [
        "20", "12.5", "12", "100", "—", "-0.25",
    ]  # fmt: skip


def test_exercises_gaps_and_counts_read_as_words() -> None:
    assert exercise("resistanceTargeted:arms,chest/biceps-curl@cable-2") == "biceps curl (arms, chest) at cable-2"
    assert exercise("odd") == "odd"
    assert ranges([GapRow("watch", 3, 3), GapRow("watch", 7, 9)]) == "3, 7 to 9"
    assert (count(1, "session"), count(1200, "session"), count(2, "person is", "people are")) == (
        "1 session", "1 200 sessions", "2 people are",
    )  # fmt: skip
