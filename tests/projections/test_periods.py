"""Periods of partitions: in order, within bounds, whatever a clock says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from kinelog.projections.cassandra.periods import (
    DAY_MS,
    FIRST_DAY,
    FIRST_YEAR,
    LAST_DAY,
    LAST_YEAR,
    day_of,
    year_of,
    year_of_day,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_every_day_is_in_its_year() -> None:
    for day in range(FIRST_DAY, LAST_DAY + 1):
        assert year_of_day(day) == (EPOCH + timedelta(days=day)).year
    assert (year_of_day(FIRST_DAY - 1), year_of_day(LAST_DAY + 1)) == (FIRST_YEAR, LAST_YEAR)


@given(st.integers(), st.integers())
def test_periods_keep_the_order_of_moments_within_bounds(one: int, other: int) -> None:
    earlier, later = sorted((one, other))
    assert FIRST_DAY <= day_of(earlier) <= day_of(later) <= LAST_DAY
    assert FIRST_YEAR <= year_of(earlier) <= year_of(later) <= LAST_YEAR


@given(st.datetimes(datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 12, 31)))  # noqa: DTZ001  # UTC below
def test_a_moment_is_in_its_day(moment: datetime) -> None:
    at_ms = int(moment.replace(tzinfo=UTC).timestamp() * 1000)
    assert day_of(at_ms) == at_ms // DAY_MS == (moment - datetime(1970, 1, 1)).days  # noqa: DTZ001
    assert year_of(at_ms) == moment.year
