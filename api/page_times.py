"""Times as a gym sees them: its time zone decides what a day is and what its clocks show."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

EARLIEST_DAY = date(1971, 1, 1)
LATEST_DAY = date(9998, 12, 30)


def zone_named(name: str | None) -> tzinfo:
    """The zone of that IANA name; UTC for none."""
    return UTC if name is None else ZoneInfo(name)


def local(at_ms: float, zone: tzinfo) -> datetime:
    """A Unix time (ms) on the zone's clocks."""
    return datetime.fromtimestamp(at_ms / 1000, zone)


def day_of(at_ms: int, zone: tzinfo) -> date:
    """The local day a Unix time (ms) falls on."""
    return local(at_ms, zone).date()


def day_bounds(day: date, zone: tzinfo) -> tuple[int, int]:
    """`[from, to)` of a local day in Unix ms: 23 to 25 hours where clocks change."""
    start, end = (datetime.combine(each, time.min, zone) for each in (day, day + timedelta(days=1)))
    return round(start.timestamp() * 1000), round(end.timestamp() * 1000)


def parse_day(text: str) -> date | None:
    """A day written `YYYY-MM-DD`, or None if it is none or out of any reason."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if EARLIEST_DAY <= day <= LATEST_DAY else None


def offset_ms(at_ms: float, zone: tzinfo) -> int:
    """What the zone's clocks are ahead of UTC at that time, ms."""
    ahead = local(at_ms, zone).utcoffset()
    return 0 if ahead is None else round(ahead.total_seconds() * 1000)


def clock(at_ms: float | None, zone: tzinfo) -> str:
    """`21:04:05`, or a dash for never."""
    return "—" if at_ms is None else local(at_ms, zone).strftime("%H:%M:%S")


def moment(at_ms: float | None, zone: tzinfo) -> str:
    """`2026-03-01 21:04:05`, or a dash for never."""
    return "—" if at_ms is None else local(at_ms, zone).strftime("%Y-%m-%d %H:%M:%S")


def machine_time(at_ms: float, zone: tzinfo) -> str:
    """For the `datetime` attribute: ISO 8601 with offset."""
    return local(at_ms, zone).isoformat(timespec="seconds")


def duration(milliseconds: float) -> str:
    """`1 h 05 min`, `5 min 07 s` or `7 s`."""
    seconds = max(0, round(milliseconds / 1000))
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds % 60:02d} s" if minutes else f"{seconds} s"
