"""Figures of a gym by its local hours and days, out of visits and sets: the same for every store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import tzinfo

from kinelog.projections.local_time import local_day, local_hours
from kinelog.projections.rows import OccupancyRow, StationUseRow
from kinelog.projections.views.occupancy_by_gym_hour import Presence
from kinelog.projections.views.station_use_by_gym_day import StationSet


def occupancy_of(presences: Iterable[Presence], low: int, high: int, zone: tzinfo) -> list[OccupancyRow]:
    """Visits by local hour.

    Args:
        presences: Visits that began before `high`; those that ended before `low` do not count.
        low: Unix milliseconds; visits are looked at from here.
        high: Up to here, excluded.
        zone: The gym's.
    """
    hours: dict[str, int] = defaultdict(int)
    for presence in presences:
        first, last = max(presence.started_at_ms, low), min(presence.until_ms, high - 1)
        for hour in local_hours(first, last, zone):
            hours[hour] += 1
    return [OccupancyRow(hour, sessions) for hour, sessions in sorted(hours.items())]


def station_use_of(sets: Iterable[StationSet], zone: tzinfo) -> list[StationUseRow]:
    """Sets and seconds by local day and station; deleted sets, and those that name no station, do not count."""
    use: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for stored in sets:
        if stored.station and not stored.deleted:
            key = (local_day(stored.start_ms, zone), stored.station)
            sets_so_far, total_ms = use[key]
            use[key] = (sets_so_far + 1, total_ms + stored.end_ms - stored.start_ms)
    return [
        StationUseRow(day, station, count, total_ms / 1000) for (day, station), (count, total_ms) in sorted(use.items())
    ]
