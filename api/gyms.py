"""Places: their definition, and what happens there in figures."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web
from kinelog.api.call import Call
from kinelog.api.documents import (
    GymDocument,
    GymList,
    HourDocument,
    OccupancyDocument,
    StationDocument,
    StationUse,
    StationUseDocument,
)
from kinelog.api.json_body import json_response
from kinelog.api.parameters import DAY_PATTERN, HOUR_PATTERN, matching
from kinelog.api.positions import token_of_all
from kinelog.api.problems import ProblemError, ProblemPart, invalid_parameter
from kinelog.api.requests import GymRequest
from kinelog.api.sessions import written
from kinelog.domain.commands import SetGym
from kinelog.domain.identifiers import GYM_PATTERN
from kinelog.domain.values import Gym
from kinelog.projections.rows import OccupancyRow, StationUseRow

USUAL_DAYS = 31
MOST_DAYS = 400


async def put_gym(call: Call) -> web.StreamResponse:
    """Create or replace a gym."""
    gym = matching("gym", call.part("gym"), GYM_PATTERN)
    body = await call.body(GymRequest)
    command = SetGym(at_ms=call.now_ms, by=call.principal.by, gym=gym, definition=body.gym())
    try:
        return written(await call.ask(call.principal.tenant_person, command), 201)
    except ProblemError as problem:
        part = problem.part
        if part is not None and part.pointer is not None:  # the command has the body in `definition`
            pointer = part.pointer.removeprefix("/definition")
            problem.part = ProblemPart(part.detail, pointer=pointer)
        raise
    finally:
        call.context.authentication.distrust(call.principal.tenant)


async def list_gyms(call: Call) -> web.StreamResponse:
    """The tenant's gyms."""
    gyms = (await call.context.authentication.tenant(call.principal.tenant)).gyms
    return json_response(GymList(gyms=tuple(gym_document(gym, gyms[gym]) for gym in sorted(gyms))))


async def get_gym(call: Call) -> web.StreamResponse:
    """One gym."""
    gym, definition = await known_gym(call)
    return json_response(gym_document(gym, definition))


async def known_gym(call: Call) -> tuple[str, Gym]:
    """The gym that the path names.

    Raises:
        ProblemError: `gym-unknown`.
    """
    gym = matching("gym", call.part("gym"), GYM_PATTERN)
    definition = await call.context.authentication.look_up(call.principal.tenant, lambda state: state.gyms.get(gym))
    if definition is None:
        raise ProblemError("gym-unknown")
    return gym, definition


def gym_document(gym: str, definition: Gym) -> GymDocument:
    """A gym as clients see it."""
    stations = tuple(
        StationDocument(
            name=station.name, exercises=station.exercises, minimum_kg=station.minimum_kg, step_kg=station.step_kg,
            maximum_kg=station.maximum_kg, beacon=station.beacon,
        )
        for station in definition.stations
    )  # fmt: skip
    return GymDocument(gym=gym, name=definition.name, time_zone=definition.time_zone, stations=stations)


async def get_occupancy(call: Call) -> web.StreamResponse:
    """Sessions by hour, in the gym's own time."""
    gym, definition = await known_gym(call)
    first, last = _span(call, definition, HOUR_PATTERN, "%Y-%m-%dT%H")
    await call.await_position()
    read_side, tenant = call.context.services.read_side, call.principal.tenant

    def ask() -> tuple[dict[int, int], list[OccupancyRow]]:
        return read_side.as_of(), read_side.occupancy(tenant, gym, first, last)

    as_of, rows = await call.context.blocking(ask)
    hours = tuple(HourDocument(hour=row.hour, sessions=row.sessions) for row in rows)
    return json_response(OccupancyDocument(time_zone=definition.time_zone, hours=hours, as_of=token_of_all(as_of)))


async def get_station_use(call: Call) -> web.StreamResponse:
    """Use of stations by day, in the gym's own time."""
    gym, definition = await known_gym(call)
    first, last = _span(call, definition, DAY_PATTERN, "%Y-%m-%d")
    await call.await_position()
    read_side, tenant = call.context.services.read_side, call.principal.tenant

    def ask() -> tuple[dict[int, int], list[StationUseRow]]:
        return read_side.as_of(), read_side.station_use(tenant, gym, first, last)

    as_of, rows = await call.context.blocking(ask)
    stations = tuple(StationUse(day=row.day, station=row.station, sets=row.sets, seconds=row.seconds) for row in rows)
    document = StationUseDocument(time_zone=definition.time_zone, stations=stations, as_of=token_of_all(as_of))
    return json_response(document)


def _span(call: Call, definition: Gym, pattern: re.Pattern[str], layout: str) -> tuple[str, str]:
    """The asked hours or days; by default the last month, up to tomorrow, in the gym's own time."""
    now = datetime.fromtimestamp(call.now_ms / 1000, ZoneInfo(definition.time_zone)).replace(tzinfo=None)
    last = _local(call, "to", pattern, layout) or now + timedelta(days=1)
    first = _local(call, "from", pattern, layout) or _days_before(last, USUAL_DAYS)
    if last - first > timedelta(days=MOST_DAYS):
        raise invalid_parameter("from", f"At most {MOST_DAYS} days before to.")
    return _written(first, layout), _written(last, layout)


def _days_before(moment: datetime, days: int) -> datetime:
    return moment - timedelta(days=days) if moment.year > 1 else datetime.min  # noqa: DTZ901 - a local time


def _local(call: Call, name: str, pattern: re.Pattern[str], layout: str) -> datetime | None:
    text = call.query(name)
    if text is None:
        return None
    matching(name, text, pattern)
    try:
        return datetime.strptime(text, layout)  # noqa: DTZ007 - a local time of the gym: it has no offset
    except ValueError as error:
        raise invalid_parameter(name, "There is no such day or hour.") from error


def _written(moment: datetime, layout: str) -> str:
    # strftime leaves out the leading zeros of early years, and then text does not sort as time does.
    return moment.strftime(layout.replace("%Y", f"{moment.year:04d}"))
