"""Finding the days on which a gym has rows: one row is read for a gap of any length, none where there is nothing."""

from __future__ import annotations

from collections.abc import Sequence

from kinelog.cassandra_session.connection import Request
from kinelog.projections.cassandra.columns import number
from kinelog.projections.cassandra.layout import QueryTable
from kinelog.projections.cassandra.periods import FIRST_DAY, LAST_DAY, year_of_day
from kinelog.projections.cassandra.question import Question

LONGEST_PROBED_DAYS = 400
"""Of an interval up to this long all days are read, without asking on which of them there is anything."""

_NEWEST = "tenant = ? AND gym = ? AND year = ? AND day >= ? AND day <= ? LIMIT 1"


class DayDirectory:
    """The days of one gym in one directory."""

    def __init__(self, question: Question, table: QueryTable, tenant: str, gym: str) -> None:
        """Look into `table`, whose partitions are years of a gym."""
        self._question = question
        self._table = table
        self._gym = (tenant, gym)

    def newest(self, first: int, last: int) -> int | None:
        """The newest day from `first` to `last` with rows: of the last year, or else of all others, asked at once."""
        years = _years(first, last)
        return self._newest(years[:1], first, last) or self._newest(years[1:], first, last)

    def newest_at_once(self, first: int, last: int) -> int | None:
        """As `newest`, where most likely there is none: all years are looked into side by side."""
        return self._newest(_years(first, last), first, last)

    def days(self, first: int, last: int) -> Sequence[int]:
        """Days from `first` to `last`, at least all those with rows."""
        if last - first <= LONGEST_PROBED_DAYS:
            return range(first, last + 1)
        years = _years(first, last)
        found = self._question.all(self._newest_of(year, first, last) for year in years)
        with_rows = {year for year, rows in zip(years, found, strict=True) if rows}
        return [day for day in range(max(first, FIRST_DAY), min(last, LAST_DAY) + 1) if year_of_day(day) in with_rows]

    def _newest(self, years: Sequence[int], first: int, last: int) -> int | None:
        for rows in self._question.all(self._newest_of(year, first, last) for year in years):
            for (day,) in rows:
                return number(day)
        return None

    def _newest_of(self, year: int, first: int, last: int) -> Request:
        return self._question.request(self._table, "day", _NEWEST, (*self._gym, year, first, last))


def _years(first: int, last: int) -> Sequence[int]:
    """Years that an interval of days touches, the last first."""
    return range(year_of_day(last), year_of_day(first) - 1, -1) if first <= last else ()
