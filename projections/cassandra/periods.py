"""Periods that partitions are named by: days and years of UTC, kept within bounds.

A device's clock may say anything. Periods outside the bounds are counted into the first or the last one, which keeps
their order: so whoever walks over periods meets every row, and never walks for ever.
"""

from __future__ import annotations

DAY_MS = 86_400_000

FIRST_YEAR = 2010
LAST_YEAR = 2040
"""Years of their own; what is earlier or later lies in these. Another range is another version of the views."""

_FIRST_OF_YEAR = {year: (year - 1970) * 365 + (year - 1969) // 4 for year in range(FIRST_YEAR, LAST_YEAR + 2)}
"""Days between 1970 and each year's first one (no century without its leap day lies in between)."""

FIRST_DAY = _FIRST_OF_YEAR[FIRST_YEAR]
LAST_DAY = _FIRST_OF_YEAR[LAST_YEAR + 1] - 1


def day_of(at_ms: int) -> int:
    """Number of the day, from 1970."""
    return min(max(at_ms // DAY_MS, FIRST_DAY), LAST_DAY)


def year_of_day(day: int) -> int:
    """The year that a day is in."""
    year = min(max(1970 + day * 4 // 1461, FIRST_YEAR), LAST_YEAR)  # right, or one off at a turn of the year
    if year < LAST_YEAR and day >= _FIRST_OF_YEAR[year + 1]:
        return year + 1
    return year - 1 if year > FIRST_YEAR and day < _FIRST_OF_YEAR[year] else year


def year_of(at_ms: int) -> int:
    """The year of a moment."""
    return year_of_day(day_of(at_ms))
