"""Visits and sets of a gym by the UTC day of their start: read by whole days and counted by local hour or day."""

from __future__ import annotations

from kinelog.projections.cassandra.layout import Order, QueryTable, Values, Written, columns_of, of_records
from kinelog.projections.cassandra.periods import day_of
from kinelog.projections.views.occupancy_by_gym_hour import PRESENCES, Presence
from kinelog.projections.views.station_use_by_gym_day import STATION_SETS, StationSet

_PARTITION = ("tenant", "gym", "day")


def _visit(presence: Presence, at: Written) -> tuple[Values]:
    day = day_of(presence.started_at_ms)
    return ((presence.tenant, presence.gym, day, at.entity, presence.started_at_ms, presence.until_ms, presence.shard),)


def _set(stored: StationSet, at: Written) -> tuple[Values]:
    return (
        (
            stored.tenant, stored.gym, day_of(stored.start_ms), at.entity, stored.number, stored.start_ms,
            stored.end_ms, stored.station, bool(stored.deleted), stored.shard,
        ),
    )  # fmt: skip


OCCUPANCY_BY_GYM_DAY = of_records(
    PRESENCES,
    "occupancy_by_gym_day",
    columns=columns_of("tenant text, gym text, day int, entity text, started_at_ms bigint, until_ms bigint, shard int"),
    partition=_PARTITION,
    clustering=(("entity", Order.ASC),),
    rows=_visit,
)
"""`occupancy()`."""

STATION_USE_BY_GYM_DAY = of_records(
    STATION_SETS,
    "station_use_by_gym_day",
    columns=columns_of(
        "tenant text, gym text, day int, entity text, number bigint, start_ms bigint, end_ms bigint, station text, "
        "deleted boolean, shard int"
    ),
    partition=_PARTITION,
    clustering=(("entity", Order.ASC), ("number", Order.ASC)),
    rows=_set,
)
"""`station_use()`."""

FIGURE_TABLES: tuple[QueryTable, ...] = (OCCUPANCY_BY_GYM_DAY, STATION_USE_BY_GYM_DAY)
