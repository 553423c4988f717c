"""A whole service in one process: the real region, journal in memory, key store, projections and views, behind HTTP."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer
from kinelog.actors.answers import Accepted, Answer
from kinelog.actors.region import Region, wall_clock_ms
from kinelog.api.application import create_app
from kinelog.api.secrets_made import hash_of, new_token
from kinelog.api.services import Services
from kinelog.api.settings import ApiSettings
from kinelog.api.unerased_views import UnerasedViews
from kinelog.codecs.encoding import encode, make_block
from kinelog.codecs.values import Format, SensorKind
from kinelog.domain.commands import Command, CreateTenant, IssueToken
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.values import Role
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.sqlite_read_side import SqliteReadSide
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.worker import ProjectionWorker
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.webhooks.endpoint import EndpointRules
from kinelog.webhooks.sqlite_progress import SqliteProgressStore
from kinelog.webhooks.telling import Telling, TellingParts

TENANT = "alpine"
OPERATORS = {role.value: role for role in Role if role is not Role.DEVICE}
QUICK = ApiSettings(live_poll_s=0.02, read_poll_s=0.005, model_ttl_s=0.05, read_wait_s=60.0, answer_s=60.0)
"""Nothing is looked for late, and nothing is given up because the machine is busy."""
SESSION = "6f1d7a52-0c3e-4a8b-9f21-5b7e2f60c9d4"


def make_frame(number: int = 0, start_s: int = 1_772_368_200, rows: int = 50) -> bytes:
    """An `ae` frame of one second, different for every number."""
    samples = np.full((rows, 3), number % 1000, dtype=np.int16)
    block = make_block(SensorKind.ACCELEROMETER, samples, 50, "left-wrist", start_ms=(start_s + number) * 1000)
    return encode(Format.AE, [block])


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Code of the problem."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        return str(self.json["type"]).rpartition("/")[2]


@dataclass
class World:
    """One running service and the means to ask it."""

    client: Any
    services: Services
    tokens: dict[str, str]
    clock: Clock
    restart_projection: Callable[[], None] = field(repr=False, default=lambda: None)

    async def call(
        self, method: str, path: str, token: str | None = None, *, body: object = None, data: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        """Ask; `token` is a role's name or a token."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {self.tokens.get(token, token)}"
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        elif isinstance(data, bytes):
            sent.setdefault("Content-Type", "application/octet-stream")
        async with self.client.request(method, path, data=data, headers=sent) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def person(self, user: str = "ada", device: str = "phone") -> str:
        """Register a person and pair a device; the device's token."""
        reply = await self.call("PUT", f"/v1/users/{user}", "owner", body={})
        assert reply.status in (200, 201), reply.body
        code = (await self.call("POST", f"/v1/users/{user}/pairing-codes", "owner")).json["code"]
        pairing = {"code": code, "device": device, "kind": "phone"}
        paired = await self.call("POST", "/v1/devices:pair", body=pairing)
        assert paired.status == 201, paired.body
        return str(paired.json["token"])

    async def started(self, token: str, session: str = SESSION, **fields: object) -> Reply:
        """Start a session."""
        body = {"started_at_ms": self.clock() - 60_000, **fields}
        reply = await self.call("PUT", f"/v1/sessions/{session}", token, body=body)
        assert reply.status in (200, 201), reply.body
        return reply

    async def tell(self, person: Person, command: Command) -> Answer:
        """Have a command decided without HTTP."""
        return await self.services.region.ask(person, command)


@dataclass
class Clock:
    """Wall time, that a test can move on."""

    ahead_ms: int = 0

    def __call__(self) -> int:
        return wall_clock_ms() + self.ahead_ms


@asynccontextmanager
async def running(folder: Path, settings: ApiSettings, **changes: Any) -> AsyncIterator[World]:
    """Start everything, and stop it."""
    journal = MemoryJournal(4)
    keys = KeyStore.open(folder / "keys")
    codec = EventCodec(keys)
    clock = Clock()
    region = Region(journal, keys, codec, clock=clock)
    region.start()
    views = folder / "views.db"
    SqliteViews(views).close()
    stop = threading.Event()

    def project() -> None:
        store = SqliteViews(views)
        try:
            ProjectionWorker(journal, codec, store).run(stop)
        finally:
            store.close()

    worker = threading.Thread(target=project)
    worker.start()
    models = SqliteModelStore(folder / "registry.sqlite")
    progress = SqliteProgressStore(folder / "webhooks.db", journal.incarnation)
    rules = EndpointRules(loopback=True)
    telling = Telling(
        TellingParts(
            region=region, journal=journal, keys=keys, codec=codec, models=models, progress=progress, clock_ms=clock,
            rules=rules, poll_s=0.02, look_again_ms=200, attempt_s=30.0,
        )
    )  # fmt: skip
    services = Services(
        region=region, models=models, webhook_progress=progress, webhook_set=telling.webhook_set, endpoint_rules=rules,
        read_side=UnerasedViews(SqliteReadSide(views), keys), keys=keys, journal=journal,
        cursor_key=b"k" * 32, clock_ms=clock, settings=settings,
    )  # fmt: skip
    services = replace(services, **changes)
    try:
        telling.start()
        tokens = await seed_tenant(region, keys, TENANT)
        server = TestServer(create_app(services))
        async with TestClient(server, cookie_jar=aiohttp.DummyCookieJar()) as client:
            yield World(client, services, tokens, clock)
    finally:
        await telling.stop()
        await asyncio.to_thread(region.stop, 5.0)
        stop.set()
        await asyncio.to_thread(worker.join)
        services.read_side.close()
        progress.close()
        models.close()
        keys.close()


async def seed_tenant(region: Region, keys: KeyStore, tenant: str) -> dict[str, str]:
    """A tenant with a token for each role of operators and engineers."""
    keys.enrol_tenant(tenant)
    person = Person(tenant, TENANT_PERSON)
    now = wall_clock_ms()
    assert isinstance(await region.ask(person, CreateTenant(at_ms=now, name=tenant)), Accepted)
    tokens = {}
    for number, (name, role) in enumerate(OPERATORS.items()):
        token = new_token(tenant, f"t{number}")
        issue = IssueToken(at_ms=now, token_id=f"t{number}", token_hash=hash_of(token), role=role)
        assert isinstance(await region.ask(person, issue), Accepted)
        tokens[name] = token
    return tokens


Scenario = Callable[[World], Awaitable[None]]
_FOLDERS = itertools.count()


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., None]:
    """Runs a scenario against a service of its own."""

    def run(scenario: Scenario, settings: ApiSettings = QUICK, **changes: Any) -> None:
        async def whole() -> None:
            async with running(tmp_path / str(next(_FOLDERS)), settings, **changes) as world:
                await scenario(world)

        asyncio.run(whole())

    return run


@pytest.fixture
def frame() -> Callable[..., bytes]:
    """Makes frames."""
    return make_frame


@pytest.fixture
def session() -> str:
    """Id of a session."""
    return SESSION


@pytest.fixture
def quick() -> ApiSettings:
    """The settings of the tests, to be changed."""
    return QUICK


@pytest.fixture
def seed() -> Callable[..., Awaitable[dict[str, str]]]:
    """Makes further tenants."""
    return seed_tenant


@pytest.fixture
def running_service() -> Callable[..., Any]:
    """Starts a service for as long as a context lasts."""
    return running
