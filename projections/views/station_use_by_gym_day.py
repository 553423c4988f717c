"""`station_use_by_gym_day`: which station each set used, when and for how long; summed by local day on reading."""

from __future__ import annotations

from kinelog.domain.events import Event, SessionStarted, SetCorrected, SetLabelled
from kinelog.projections.exercise_names import station_in
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.tables import Record, Table


class SessionPlace(Record):
    """Where a session is: sets do not repeat it."""

    gym: str


class StationSet(Record):
    """A set's use of a station; `station` is empty where the exercise names none, `deleted` sets do not count."""

    tenant: str
    gym: str
    start_ms: int
    number: int
    end_ms: int
    station: str
    deleted: int
    shard: int


STATION_SETS = Table("station_use_by_gym_day", StationSet, key=("tenant", "gym", "start_ms", "entity", "number"))
PLACES = Table("station_use_places", SessionPlace, key=("entity",))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """One row a set of a session at a gym."""
    if isinstance(event, SessionStarted):
        if event.gym is not None:
            rows.put(PLACES, SessionPlace(at.entity, event.gym))
    elif isinstance(event, SetLabelled):
        place = rows.one(PLACES, at.entity)
        if place is not None:
            station = station_in(event.label.exercise)
            tenant = at.names.tenant
            rows.put(
                STATION_SETS,
                StationSet(
                    at.entity, tenant, place.gym, event.start_ms, event.number, event.end_ms, station, 0, at.shard
                ),
            )
    elif isinstance(event, SetCorrected):
        for stored in rows.of(STATION_SETS, at.entity).values():
            if stored.number == event.number:
                stored.station = station_in(event.label.exercise)
                stored.deleted = int(event.deleted)
                rows.put(STATION_SETS, stored)
                break


STATION_USE_BY_GYM_DAY = view(
    "station_use_by_gym_day", 1, (STATION_SETS, PLACES), (SessionStarted, SetLabelled, SetCorrected), fold
)
