"""A running service of nothing but the pages, over views in memory that a test can change while it looks."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import msgspec
import numpy as np
import pytest
from aiohttp import web
from kinelog.api.page_cookie import PageCookie
from kinelog.api.page_sources import Operator, PageSources
from kinelog.api.pages import add_pages
from kinelog.domain.values import Gym, Role, Station
from kinelog.projections.read_side import PageKey, ReadSide
from kinelog.projections.rows import (
    GapRow,
    LabelRow,
    LiveRow,
    OccupancyRow,
    Page,
    ParkedRow,
    PersonRow,
    RejectRow,
    SampleRow,
    SessionRow,
    SetRow,
    StationUseRow,
)
from typing_extensions import override

NOW_MS = 1_772_368_200_000  # 2026-03-01 12:30:00 UTC, 13:30:00 in Vienna
MINUTE_MS = 60_000
TOKEN = "kl.alpine.t1." + "a" * 43
ADA = "a" * 32
MALLORY = "b" * 32
SESSION = "11111111-1111-4111-8111-111111111111"
SHARED = "33333333-3333-4333-8333-333333333333"
HOSTILE = "<script>alert('x')</script>\"&"


def session_row(number: int, person: str = ADA, **changes: object) -> SessionRow:
    """A session; `number` makes its id."""
    row = SessionRow(
        tenant="alpine", person=person, session=f"{number:08d}-0000-4000-8000-000000000000", status="open",
        gym="vienna", plan=None, started_at_ms=NOW_MS - number * MINUTE_MS, ended_at_ms=None,
        frames={"watch": 60}, gaps=(), rejected=0, sets=2, groups=("arms",), intensity=None,
        last_frame_ms=NOW_MS - 1000, shard=0, version=number,
    )  # fmt: skip
    return msgspec.structs.replace(row, **changes)


def sample_rows(start_ms: int, seconds: int, missing: range = range(0)) -> list[SampleRow]:
    """A watch's accelerometer (50 Hz) and heart rate (1 Hz), a row a second; seconds in `missing` never came."""
    generator = np.random.default_rng(7)
    rows = []
    for second in range(seconds):
        if second in missing:
            continue
        at = second + np.arange(50) / 50
        lift = 600 * np.sin(2 * np.pi * at / 3) * (second // 60 % 2)
        samples = np.stack((lift, 200 * np.cos(at), np.full(50, 1000.0)), axis=1) + generator.normal(0, 25, (50, 3))
        start = float(start_ms + second * 1000)
        rows.append(SampleRow("watch", "accelerometer", "left-wrist", "mg", start, 50.0, samples.astype(np.int16)))
        heart = np.array([[90 + second % 40]], dtype=np.int16)
        rows.append(SampleRow("watch", "heart_rate", None, "bpm", start, 1.0, heart))
    return rows


@dataclass
class MemoryViews(ReadSide):
    """The views as plain lists."""

    sessions: list[SessionRow] = field(default_factory=list)
    sets_of: dict[str, list[SetRow]] = field(default_factory=dict)
    samples_of: dict[str, list[SampleRow]] = field(default_factory=dict)
    rejects_of: dict[str, list[RejectRow]] = field(default_factory=dict)

    @override
    def sessions_of_person(
        self, tenant: str, person: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        raise NotImplementedError

    @override
    def sessions_of_gym(
        self, tenant: str, gym: str, from_ms: int | None, to_ms: int | None, after: PageKey | None, limit: int
    ) -> Page:
        def key(row: SessionRow) -> PageKey:
            return row.started_at_ms, row.person, row.session

        low, high = from_ms or 0, to_ms or 2**60
        rows = [row for row in self.sessions if (row.tenant, row.gym) == (tenant, gym)]
        rows = [row for row in rows if low <= row.started_at_ms < high and (after is None or key(row) < after)]
        rows.sort(key=key, reverse=True)
        return Page(tuple(rows[:limit]), key(rows[limit - 1]) if len(rows) > limit else None, self.as_of())

    @override
    def session(self, tenant: str, session: str, person: str | None = None) -> list[SessionRow]:
        rows = [row for row in self.sessions if (row.tenant, row.session) == (tenant, session)]
        return [row for row in rows if person in (None, row.person)]

    @override
    def sets(self, tenant: str, person: str, session: str) -> list[SetRow]:
        return self.sets_of.get(session, [])

    @override
    def samples(
        self, tenant: str, person: str, session: str, from_ms: int | None, to_ms: int | None, limit: int
    ) -> list[SampleRow]:
        low, high = from_ms or 0, to_ms or 2**60
        return [row for row in self.samples_of.get(session, []) if low <= row.start_ms < high][:limit]

    @override
    def rejects(self, tenant: str, person: str, session: str, limit: int) -> list[RejectRow]:
        return self.rejects_of.get(session, [])[:limit]

    @override
    def occupancy(self, tenant: str, gym: str, from_hour: str, to_hour: str) -> list[OccupancyRow]:
        raise NotImplementedError

    @override
    def station_use(self, tenant: str, gym: str, from_day: str, to_day: str) -> list[StationUseRow]:
        raise NotImplementedError

    @override
    def training_now(self, tenant: str, gym: str) -> list[SessionRow]:
        return [row for row in self.sessions if (row.tenant, row.gym, row.status) == (tenant, gym, "open")]

    @override
    def live(self, tenant: str, gym: str, after: dict[int, int], limit: int) -> list[LiveRow]:
        raise NotImplementedError

    @override
    def labels(self, tenant: str, exercise: str | None = None) -> list[LabelRow]:
        raise NotImplementedError

    @override
    def people(self, tenant: str, after: str | None, limit: int) -> list[PersonRow]:
        raise NotImplementedError

    @override
    def parked(self) -> list[ParkedRow]:
        raise NotImplementedError

    @override
    def as_of(self) -> dict[int, int]:
        return {0: 40, 1: 2}

    @override
    def close(self) -> None:
        return


@dataclass(frozen=True)
class Answer:
    """What came over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Floor:
    """The running service and what a test does with it."""

    views: MemoryViews
    names: dict[str, str]
    operators: dict[str, Operator]
    gyms: dict[str, Gym]
    port: int = 0
    now_ms: int = NOW_MS
    available: bool = True
    refused: dict[str, str] = field(default_factory=dict)
    push: Callable[[str], None] = lambda _: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        """One request; header names with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        """A form, as a page of the service itself would send it."""
        sent = {"Origin": self.url, "Content_Type": "application/x-www-form-urlencoded", **headers}
        return self.ask(path, "POST", urlencode(fields), **sent)

    def sign_in(self) -> str:
        """The cookie of a signed-in operator, as a `Cookie` header."""
        return self.post("/sign-in", {"token": TOKEN}).headers["Set-Cookie"].partition(";")[0]

    def page(self, path: str) -> Answer:
        """A page as the operator's browser asks for it."""
        return self.ask(path, Cookie=self.sign_in(), Accept="text/html,*/*")


def _views() -> MemoryViews:
    start = NOW_MS - 20 * MINUTE_MS
    detected: dict[str, object] = {
        "exercise": "resistanceTargeted:arms/biceps-curl@cable-2", "repetitions": 10, "weight_kg": 12.5,
        "intensity": 0.6, "rest_s": 60.0,
    }  # fmt: skip
    ended = session_row(
        20, session=SESSION, status="ended", ended_at_ms=start + 5 * MINUTE_MS, frames={"watch": 297},
        gaps=(GapRow("watch", 130, 132),), rejected=2, sets=3, intensity=0.6, plan="arms-beginner",
    )  # fmt: skip
    sets = [
        SetRow(1, 1, start + 60_000, start + 120_000, detected, None, "device", None, 0.93, deleted=False),
        SetRow(
            2, 2, start + 180_000, start + 240_000, detected, {**detected, "repetitions": 8}, "device", "person", 0.41,
            deleted=False,
        ),
        SetRow(3, 2, start + 250_000, start + 260_000, detected, detected, "device", "person", 0.2, deleted=True),
    ]  # fmt: skip
    rejects = [
        RejectRow(SESSION, "watch", 131, "2026-03-01", "bad-magic", 0, "no layout begins like this", 312, NOW_MS),
        RejectRow(SESSION, "watch", 12, "2026-03-01", "frame-conflict", None, HOSTILE, 400, NOW_MS),
    ]
    return MemoryViews(
        [ended, session_row(3, MALLORY), session_row(1, ADA), *_same_id()],
        {SESSION: sets}, {SESSION: sample_rows(start, 300, range(130, 133))}, {SESSION: rejects},
    )  # fmt: skip


def _same_id() -> list[SessionRow]:
    yesterday = NOW_MS - 1440 * MINUTE_MS
    return [session_row(9, who, session=SHARED, status="abandoned", started_at_ms=yesterday) for who in (ADA, MALLORY)]


@dataclass(frozen=True)
class SignedIn:
    """Browsers, as the tenant's record of tokens has them."""

    floor: Floor
    tokens: dict[str, str] = field(default_factory=dict)
    """A token of the pages' own → the one that was signed in with."""

    async def operator_of(self, token: str) -> Operator | None:
        return self.floor.operators.get(self.tokens.get(token, token))

    async def sign_in(self, operator: Operator) -> str:
        self._available()
        [shown] = [token for token, known in self.floor.operators.items() if known == operator]
        self.tokens[f"page token {len(self.tokens)}"] = shown
        return list(self.tokens)[-1]

    async def signed_in_with(self, operator: Operator, token_id: str) -> Operator | None:
        return operator if operator.token_id == token_id else None

    async def sign_out(self, token: str) -> None:
        self._available()
        self.tokens[token] = "signed out"

    def _available(self) -> None:
        if not self.floor.available:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "2"})


def _tell_all(queues: set[asyncio.Queue[str]], name: str) -> None:
    for queue in queues:
        queue.put_nowait(name)


async def _serve(floor: Floor, started: threading.Event, stop: asyncio.Event) -> None:
    queues: set[asyncio.Queue[str]] = set()
    loop = asyncio.get_running_loop()

    browsers = SignedIn(floor)

    async def why_not(operator: Operator, person: str) -> str | None:
        return floor.refused.get(person) if operator.sees_training else "not with this role"

    async def gyms_of(_: str) -> Mapping[str, Gym]:
        if not floor.available:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "2"})
        return floor.gyms

    async def live(request: web.Request) -> web.StreamResponse:
        """Stands in for the API's live stream: the same address, media type and names of events."""
        if await browsers.operator_of(request.headers.get("Authorization", "").removeprefix("Bearer ")) is None:
            raise web.HTTPUnauthorized
        queue: asyncio.Queue[str] = asyncio.Queue()
        queues.add(queue)  # before the page can say that it listens: what a test then pushes must reach it
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        try:
            await response.prepare(request)
            await response.write(b": hello\n\n")
            while True:
                await response.write(f"event: {await queue.get()}\ndata: {{}}\n\n".encode())
        finally:
            queues.discard(queue)

    def push(name: str) -> None:
        loop.call_soon_threadsafe(_tell_all, queues, name)

    app = web.Application()
    app.router.add_get("/v1/gyms/{gym}/live", live)
    cookie = PageCookie(b"s" * 32, lambda: floor.now_ms)
    name_of = lambda _, person: floor.names.get(person)  # noqa: E731 - a name of one line
    sources = PageSources(
        read_side=floor.views,
        name_of=name_of,
        gyms_of=gyms_of,
        operator_of=browsers.operator_of,
        sign_in=browsers.sign_in,
        signed_in_with=browsers.signed_in_with,
        sign_out=browsers.sign_out,
        why_not=why_not,
        cookie=cookie,
        clock_ms=lambda: floor.now_ms,
    )
    add_pages(app, sources)
    async with _running(app) as port:
        floor.port, floor.push = port, push
        started.set()
        await stop.wait()


@contextlib.asynccontextmanager
async def _running(app: web.Application) -> AsyncIterator[int]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture
def floor() -> Iterator[Floor]:
    """The pages over a gym in Vienna where two people train now."""
    made = Floor(
        _views(), {ADA: "ada", MALLORY: HOSTILE}, {TOKEN: Operator("alpine", "t1", Role.OWNER)},
        {"vienna": Gym("Wien Mitte", "Europe/Vienna", (Station("cable-2"),)), "evil": Gym(HOSTILE, "UTC")},
    )  # fmt: skip
    started, stopping, loops = threading.Event(), asyncio.Event(), []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        await _serve(made, started, stopping)

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert started.wait(20)
    yield made
    loops[0].call_soon_threadsafe(stopping.set)
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(name="session_row")
def session_row_fixture() -> Callable[..., SessionRow]:
    """Makes sessions."""
    return session_row
