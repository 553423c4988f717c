"""The pages of a gym: who is training now, and the sessions of a day."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from aiohttp import web
from kinelog.api.page_rendering import page
from kinelog.api.page_sign_in import signed_in
from kinelog.api.page_sources import SOURCES, PageSources
from kinelog.api.page_times import EARLIEST_DAY, day_bounds, day_of, parse_day, zone_named
from kinelog.domain.identifiers import SESSION_PATTERN
from kinelog.domain.values import Gym
from kinelog.projections.read_side import PageKey
from kinelog.projections.rows import Page, SessionRow

SESSIONS_A_PAGE = 200
MAX_KEY_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Day:
    """A gym's local day and its sessions, newest first.

    Attributes:
        more: Where the list goes on, as the `after` parameter, or None at its end.
        whole: Whether these are all sessions of the day, so that they can be counted.
        position: How many events the views are folded up to, over all shards.
    """

    day: date
    is_today: bool
    sessions: tuple[SessionRow, ...]
    more: str | None
    whole: bool
    position: int

    @property
    def people(self) -> int:
        """How many different people trained."""
        return len({row.person for row in self.sessions})

    @property
    def with_gaps(self) -> int:
        """How many sessions miss frames."""
        return sum(bool(row.gaps) for row in self.sessions)


async def gyms(request: web.Request) -> web.Response:
    """`GET /`: the gyms of the operator's tenant, and how many train there now."""
    operator, sources = signed_in(request), request.app[SOURCES]
    known = await sources.gyms_of(operator.tenant)

    def training() -> dict[str, int]:
        return {gym: len(sources.read_side.training_now(operator.tenant, gym)) for gym in known}

    ordered = sorted(known.items(), key=lambda item: (item[1].name, item[0]))
    return page(request, "gyms.html", gyms=ordered, training=await asyncio.to_thread(training), operator=operator)


async def gym(request: web.Request) -> web.Response:
    """`GET /gyms/{gym}?day=&after=`."""
    return await _gym_page(request, "gym.html")


async def now(request: web.Request) -> web.Response:
    """`GET /gyms/{gym}/now`: the part of today's page that changes by itself."""
    return await _gym_page(request, "gym_now.html")


async def _gym_page(request: web.Request, template: str) -> web.Response:
    operator, sources = signed_in(request), request.app[SOURCES]
    gym_id = request.match_info["gym"]
    definition = await _definition(sources, operator.tenant, gym_id)
    zone, now_ms = zone_named(definition.time_zone), sources.clock_ms()
    wanted = _wanted_day(request, day_of(now_ms, zone))
    after = parse_key(request.query.get("after"))

    def ask() -> tuple[list[SessionRow], Day]:
        training = sources.read_side.training_now(operator.tenant, gym_id)
        return training, _day(sources, operator.tenant, gym_id, wanted, zone, after)

    training, day = await asyncio.to_thread(ask)
    names = await sources.names(operator.tenant, {row.person for row in (*training, *day.sessions)})
    return page(
        request, template, operator=operator, gym_id=gym_id, gym=definition, zone=zone, now_ms=now_ms,
        training=training, day=day, names=names, earlier=_earlier(wanted), later=wanted + timedelta(days=1),
    )  # fmt: skip


async def _definition(sources: PageSources, tenant: str, gym_id: str) -> Gym:
    definition = (await sources.gyms_of(tenant)).get(gym_id)
    if definition is None:
        raise web.HTTPNotFound(reason="There is no such gym")
    return definition


def _wanted_day(request: web.Request, today: date) -> date:
    text = request.query.get("day")
    if not text:
        return today
    day = parse_day(text)
    if day is None:
        raise web.HTTPBadRequest(reason="The day is not a date written like 2026-03-01")
    return min(day, today)


def _earlier(day: date) -> date | None:
    return day - timedelta(days=1) if day > EARLIEST_DAY else None


def _day(sources: PageSources, tenant: str, gym_id: str, day: date, zone: tzinfo, after: PageKey | None) -> Day:
    from_ms, to_ms = day_bounds(day, zone)
    found: Page = sources.read_side.sessions_of_gym(tenant, gym_id, from_ms, to_ms, after, SESSIONS_A_PAGE)
    more = None if found.next_key is None else ".".join(map(str, found.next_key))
    is_today = day == day_of(sources.clock_ms(), zone)
    return Day(day, is_today, tuple(found.rows), more, after is None and more is None, sum(found.as_of.values()))


def parse_key(text: str | None) -> PageKey | None:
    """Where a list goes on: `started.person.session`. It gives no rights, so it needs no signature.

    Raises:
        web.HTTPBadRequest: It is nothing we wrote.
    """
    if text is None:
        return None
    parts = text.split(".")
    started, person, session = parts if len(parts) == 3 and len(text) <= MAX_KEY_CHARACTERS else ("", "", "")
    if not (started.isascii() and started.isdigit() and len(started) <= 15 and SESSION_PATTERN.fullmatch(session)):
        raise web.HTTPBadRequest(reason="The link to the next sessions is damaged")
    return int(started), person, session
