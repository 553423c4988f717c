"""The page of a session: what is known of it, its sets, its frames, and the trace of its sensors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import tzinfo

import msgspec
from aiohttp import web
from kinelog.api.page_rendering import PAGE_HEADERS, page
from kinelog.api.page_sign_in import signed_in
from kinelog.api.page_sources import SOURCES, PageSources
from kinelog.api.page_times import offset_ms, zone_named
from kinelog.api.page_trace import DrawnStream, StreamSummary, drawn, streams_of, summary
from kinelog.domain.identifiers import PSEUDONYM_PATTERN, SESSION_PATTERN
from kinelog.projections.rows import GapRow, RejectRow, SessionRow, SetRow

MAX_SAMPLE_ROWS = 60_000
"""About a second each: four sensors for four hours."""
MAX_REJECTS = 500
MARGIN_MS = 5_000
"""A row that starts before a range may reach into it."""
LATEST_MS = 253_402_214_400_000


@dataclass(frozen=True, slots=True)
class DeviceFrames:
    """What came of one device."""

    device: str
    stored: int
    missing: int
    gaps: list[GapRow]
    rejected: int

    @property
    def complete(self) -> float:
        """Share of the frames up to the highest that came, in percent; rounded down, for 100 must mean all."""
        return 1000 * self.stored // max(1, self.stored + self.missing) / 10


class Trace(msgspec.Struct, frozen=True):
    """Answer of the trace: times are Unix ms shifted by `shift_ms` to the gym's clocks.

    Attributes:
        truncated: Whether there was more in the range than is looked at at once.
    """

    from_ms: float
    to_ms: float
    shift_ms: int
    truncated: bool
    streams: list[DrawnStream]


async def session(request: web.Request) -> web.Response:
    """`GET /sessions/{session}?person=`."""
    operator, sources = signed_in(request), request.app[SOURCES]
    found = await _rows(request, operator.tenant)
    if len(found) > 1:
        names = await sources.names(operator.tenant, {row.person for row in found})
        return page(request, "sessions_choice.html", status=300, operator=operator, found=found, names=names)
    row = found[0]
    sets, rejects = await asyncio.to_thread(_sets_and_rejects, sources, row)
    summaries, truncated = await _summaries(sources, row)
    gym, zone = await _place(sources, row)
    names = await sources.names(operator.tenant, {row.person})
    return page(
        request, "session.html", operator=operator, row=row, name=names[row.person], gym=gym, zone=zone,
        sets=sets, rejects=rejects, rejects_cut=len(rejects) == MAX_REJECTS, frames=frames_by_device(row, rejects),
        summaries=summaries, truncated=truncated, shift_ms=offset_ms(row.started_at_ms, zone),
        zone_name=zone_name(row, zone),
    )  # fmt: skip


async def trace(request: web.Request) -> web.Response:
    """`GET /pages/sessions/{session}/trace.json?person=&from=&to=`: what to draw of a range (Unix ms)."""
    operator, sources = signed_in(request), request.app[SOURCES]
    found = await _rows(request, operator.tenant)
    if len(found) > 1:
        raise web.HTTPConflict(reason="Several people have a session of this id: say which")
    from_ms, to_ms = _range(request)
    _, zone = await _place(sources, found[0])
    shift_ms = offset_ms(found[0].started_at_ms, zone)
    async with sources.tracing:
        body = await asyncio.to_thread(_trace, sources, found[0], from_ms, to_ms, shift_ms)
    response = web.Response(body=body, content_type="application/json", headers=PAGE_HEADERS)
    response.enable_compression()
    return response


async def _rows(request: web.Request, tenant: str) -> list[SessionRow]:
    """The session of that id, or several where people share it; never none.

    Raises:
        web.HTTPNotFound: There is none.
        web.HTTPForbidden: The operator may not see it.
    """
    wanted, person = request.match_info["session"], request.query.get("person")
    if SESSION_PATTERN.fullmatch(wanted) and (person is None or PSEUDONYM_PATTERN.fullmatch(person)):
        found = await asyncio.to_thread(request.app[SOURCES].read_side.session, tenant, wanted, person)
        if found:
            await _refuse_unseen(request, found)
            return found
    raise web.HTTPNotFound(reason="There is no such session; it may have been deleted")


async def _refuse_unseen(request: web.Request, found: list[SessionRow]) -> None:
    """Let nobody on who may not see the session; with several people's, they are asked about one by one later.

    Raises:
        web.HTTPForbidden: With the reason.
    """
    operator = signed_in(request)
    if len(found) == 1 or not operator.sees_training:
        why = await request.app[SOURCES].why_not(operator, found[0].person)
        if why is not None:
            raise web.HTTPForbidden(reason=why)


def _sets_and_rejects(sources: PageSources, row: SessionRow) -> tuple[list[SetRow], list[RejectRow]]:
    sets = sources.read_side.sets(row.tenant, row.person, row.session)
    return sets, sources.read_side.rejects(row.tenant, row.person, row.session, MAX_REJECTS)


async def _place(sources: PageSources, row: SessionRow) -> tuple[str | None, tzinfo]:
    """Name of the session's gym, if it has one that is known, and the zone to show times in."""
    gym = (await sources.gyms_of(row.tenant)).get(row.gym) if row.gym else None
    return (None, zone_named(None)) if gym is None else (gym.name, zone_named(gym.time_zone))


async def _summaries(sources: PageSources, row: SessionRow) -> tuple[list[StreamSummary], bool]:
    def compute() -> tuple[list[StreamSummary], bool]:
        rows = sources.read_side.samples(row.tenant, row.person, row.session, None, None, MAX_SAMPLE_ROWS)
        return [summary(stream) for stream in streams_of(rows)], len(rows) == MAX_SAMPLE_ROWS

    async with sources.tracing:
        return await asyncio.to_thread(compute)


def _trace(sources: PageSources, row: SessionRow, from_ms: int | None, to_ms: int | None, shift_ms: int) -> bytes:
    margin = None if from_ms is None else from_ms - MARGIN_MS
    rows = sources.read_side.samples(row.tenant, row.person, row.session, margin, to_ms, MAX_SAMPLE_ROWS)
    streams = streams_of(rows)
    if from_ms is None or to_ms is None:
        from_ms, to_ms = row.started_at_ms, row.ended_at_ms or row.started_at_ms + 1000
        if streams:
            from_ms = int(min(stream.times[0] for stream in streams))
            to_ms = int(max(stream.times[-1] for stream in streams)) + 1
    shown = [drawn(stream, from_ms, to_ms, shift_ms) for stream in streams]
    truncated = len(rows) == MAX_SAMPLE_ROWS
    return msgspec.json.encode(Trace(from_ms + shift_ms, to_ms + shift_ms, shift_ms, truncated, shown))


def _range(request: web.Request) -> tuple[int, int] | tuple[None, None]:
    """The `from` and `to` of the query, Unix ms; both or none.

    Raises:
        web.HTTPBadRequest: Not numbers, out of range, or not in order.
    """
    texts = [request.query.get(name) for name in ("from", "to")]
    if texts == [None, None]:
        return None, None
    if any(text is None or not (text.isascii() and text.isdigit() and len(text) <= 15) for text in texts):
        raise web.HTTPBadRequest(reason="from and to must both be whole Unix milliseconds")
    from_ms, to_ms = (int(text or "") for text in texts)
    if not from_ms < to_ms <= LATEST_MS:
        raise web.HTTPBadRequest(reason="from must be before to")
    return from_ms, to_ms


def frames_by_device(row: SessionRow, rejects: list[RejectRow]) -> list[DeviceFrames]:
    """Frames stored, missing and kept aside, a line a device; devices that sent only rejects included."""
    devices = sorted({*row.frames, *(gap.device for gap in row.gaps), *(reject.device for reject in rejects)})
    lines = []
    for device in devices:
        gaps = [gap for gap in row.gaps if gap.device == device]
        missing = sum(gap.last - gap.first + 1 for gap in gaps)
        rejected = sum(reject.device == device for reject in rejects)
        lines.append(DeviceFrames(device, row.frames.get(device, 0), missing, gaps, rejected))
    return lines


def zone_name(row: SessionRow, zone: tzinfo) -> str:
    """`Europe/London (UTC+01:00)`: one offset for the whole session, so that its time axis never jumps."""
    minutes = offset_ms(row.started_at_ms, zone) // 60_000
    return f"{zone} (UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d})"
