"""Local days and hours of a gym."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000
FAR_PAST_MS = -(2**62)
FAR_FUTURE_MS = 2**62

_EXTREMES = ("0000-", "9999-")


def interval(from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
    """The bounds of a question; None stands for always."""
    return FAR_PAST_MS if from_ms is None else from_ms, FAR_FUTURE_MS if to_ms is None else to_ms


def zone_named(name: str | None) -> tzinfo:
    """The time zone of a gym; UTC while the gym is not defined, or is defined with a zone that this host lacks."""
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def local_hour(at_ms: int, zone: tzinfo) -> str:
    """The local hour, `2026-11-20T18`."""
    return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%dT%H")


def local_day(at_ms: int, zone: tzinfo) -> str:
    """The local day, `2026-11-20`."""
    return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d")


def local_hours(from_ms: int, until_ms: int, zone: tzinfo) -> Iterator[str]:
    """Every local hour that an interval touches, once each (the hour that a clock change repeats counts once)."""
    last = ""
    at_ms = from_ms
    while at_ms <= until_ms:
        hour = local_hour(at_ms, zone)
        if hour != last:
            yield hour
            last = hour
        local = datetime.fromtimestamp(at_ms / 1000, zone)
        into_hour = local.minute * 60_000 + local.second * 1000 + at_ms % 1000
        at_ms += HOUR_MS - into_hour


def start_of(local: str, zone: tzinfo) -> int:
    """Unix milliseconds at which a local day or hour begins; years 0000 and 9999 stand for always.

    Raises:
        ValueError: Not a day (`2026-11-20`) or hour (`2026-11-20T18`).
    """
    if local.startswith(_EXTREMES):
        return FAR_PAST_MS if local < "1" else FAR_FUTURE_MS
    return int(_naive(local).replace(tzinfo=zone).timestamp() * 1000)


def end_of(local: str, zone: tzinfo) -> int:
    """Unix milliseconds at which a local day or hour is over; years 0000 and 9999 stand for always.

    Raises:
        ValueError: Not a day or hour.
    """
    if local.startswith(_EXTREMES):
        return FAR_PAST_MS if local < "1" else FAR_FUTURE_MS
    length = timedelta(hours=1) if "T" in local else timedelta(days=1)
    return int((_naive(local) + length).replace(tzinfo=zone).timestamp() * 1000)


def _naive(local: str) -> datetime:
    text = f"{local}:00" if "T" in local and ":" not in local else local
    return datetime.fromisoformat(text).replace(tzinfo=None)
