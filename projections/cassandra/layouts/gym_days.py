"""Directories of days: on which days of a year a gym has rows. One row an entity and day, so that a deletion is exact.

Whoever looks for the next day with rows reads one row, whatever number of them a day has.
"""

from __future__ import annotations

from kinelog.projections.cassandra.layout import Order, QueryTable, Values, columns_of, of_records
from kinelog.projections.cassandra.periods import day_of, year_of_day
from kinelog.projections.views.sessions_by_gym_day import GYM_SESSIONS, GymSession
from kinelog.projections.views.station_use_by_gym_day import STATION_SETS, StationSet

_COLUMNS = columns_of("tenant text, gym text, year int, day int, entity text")
_PARTITION = ("tenant", "gym", "year")
_CLUSTERING = (("day", Order.DESC), ("entity", Order.ASC))


def _row(tenant: str, gym: str, day: int, entity: str) -> Values:
    return (tenant, gym, year_of_day(day), day, entity)


def _of_start(listed: GymSession, _: object) -> tuple[Values]:
    return (_row(listed.tenant, listed.gym, day_of(listed.started_at_ms), listed.entity),)


def _of_opening(listed: GymSession, _: object) -> tuple[Values]:
    return ((*_row(listed.tenant, listed.gym, day_of(listed.opened_ms), listed.entity), bool(listed.is_open)),)


def _of_set(stored: StationSet, _: object) -> tuple[Values]:
    return (_row(stored.tenant, stored.gym, day_of(stored.start_ms), stored.entity),)


GYM_DAYS = of_records(GYM_SESSIONS, "gym_days", _COLUMNS, _PARTITION, _CLUSTERING, _of_start)
"""Days on which sessions at a gym started, by the phones' clocks."""

OPEN_BY_GYM = of_records(
    GYM_SESSIONS, "open_by_gym", _COLUMNS + columns_of("is_open boolean"), _PARTITION, _CLUSTERING, _of_opening
)
"""Sessions by the day on which the service heard of their start, and whether they are open: `training_now()` reads the
last days. A session that ends is marked, not deleted: who asks all the time would pass over everybody who has left."""

STATION_DAYS = of_records(STATION_SETS, "station_days", _COLUMNS, _PARTITION, _CLUSTERING, _of_set)
"""Days on which sets used a gym's stations."""

DAY_TABLES: tuple[QueryTable, ...] = (GYM_DAYS, OPEN_BY_GYM, STATION_DAYS)
