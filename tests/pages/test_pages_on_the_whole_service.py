"""The pages inside the whole application: real tokens, roles, consents, views and live stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, web
from kinelog.actors.answers import Accepted
from kinelog.actors.region import Region, wall_clock_ms
from kinelog.api.application import create_app
from kinelog.api.page_tokens import MOST_OF_ONE
from kinelog.api.secrets_made import hash_of, new_token
from kinelog.api.services import Services
from kinelog.api.settings import ApiSettings
from kinelog.domain.commands import (
    Command,
    CreateTenant,
    GiveConsent,
    IssueToken,
    RegisterUser,
    RevokeToken,
    SetGym,
    StartSession,
)
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.values import Gym, Purpose, Role
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.sqlite_read_side import SqliteReadSide
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.worker import ProjectionWorker
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.webhooks.sqlite_progress import SqliteProgressStore

TENANT = "alpine"
SESSION = "6f1d7a52-0c3e-4a8b-9f21-5b7e2f60c9d4"
HTML = {"Accept": "text/html"}
PATIENCE_S = 20


@dataclass(frozen=True)
class Service:
    """The running service, and a browser's side of a connection to it."""

    url: str
    elsewhere: str
    """Another node over the same record of tokens: its interface remembers nothing of what this one did."""
    web: ClientSession
    region: Region
    keys: KeyStore
    tokens: dict[Role, str] = field(default_factory=dict)

    async def tell(self, person: Person, command: Command) -> None:
        answer = await self.region.ask(person, command)
        assert isinstance(answer, Accepted), answer

    async def sign_in(self, role: Role) -> int:
        token = new_token(TENANT, role.value)
        issue = IssueToken(at_ms=wall_clock_ms(), token_id=role.value, token_hash=hash_of(token), role=role)
        await self.tell(Person(TENANT, TENANT_PERSON), issue)
        self.tokens[role] = token
        self.web.cookie_jar.clear()
        return await self.show(token)

    async def show(self, token: str) -> int:
        """Paste a token into the form; the status of the answer."""
        form = {"token": token}
        async with self.web.post("/sign-in", data=form, headers={"Origin": self.url}, allow_redirects=False) as answer:
            return answer.status

    async def page(self, path: str) -> tuple[int, str]:
        async with self.web.get(path, headers=HTML, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def copied_cookie(self) -> dict[str, str]:
        """What somebody would have who copied the browser's cookie; the browser's own is forgotten."""
        [cookie] = self.web.cookie_jar
        self.web.cookie_jar.clear()
        return {"Cookie": f"{cookie.key}={cookie.value}"}

    async def status_elsewhere(self, cookie: dict[str, str], path: str = "/gyms/vienna") -> int:
        async with self.web.get(f"{self.elsewhere}{path}", headers=HTML | cookie, allow_redirects=False) as answer:
            return answer.status

    async def until_closed_elsewhere(self, cookie: dict[str, str]) -> None:
        """Until another node shows no page for a cookie."""
        async with asyncio.timeout(PATIENCE_S):
            # Another node trusts what it read for a moment: there is no event to wait for.
            while await self.status_elsewhere(cookie) != 303:  # noqa: ASYNC110 - as said
                await asyncio.sleep(0.02)

    async def ada_trains(self) -> Person:
        ada = Person(TENANT, self.keys.enrol(TENANT, "ada"))
        await self.tell(ada, RegisterUser(at_ms=wall_clock_ms()))
        await self.tell(
            ada, StartSession(at_ms=wall_clock_ms(), session=SESSION, started_at_ms=wall_clock_ms(), gym="vienna")
        )
        return ada

    async def until_listed(self) -> None:
        """Until the views know of Ada's session."""
        async with asyncio.timeout(PATIENCE_S):
            # Another thread folds the views: there is no event to wait for.
            while "1 person is training now." not in (await self.page("/gyms/vienna"))[1]:  # noqa: ASYNC110 - as said
                await asyncio.sleep(0.02)


class StrictClock:
    """The machine's, but no two moments are the same: what came first is known."""

    def __init__(self) -> None:
        self._last_ms = 0

    def __call__(self) -> int:
        self._last_ms = max(self._last_ms + 1, wall_clock_ms())
        return self._last_ms


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Service]:
    journal, keys = MemoryJournal(4), KeyStore.open(folder / "keys")
    codec = EventCodec(keys)
    region = Region(journal, keys, codec, clock=wall_clock_ms)
    region.start()
    store, stop = SqliteViews(folder / "views.db"), threading.Event()
    worker = threading.Thread(target=lambda: ProjectionWorker(journal, codec, store).run(stop))
    worker.start()
    read_side = SqliteReadSide(folder / "views.db")
    models = SqliteModelStore(folder / "registry.sqlite")
    progress = SqliteProgressStore(folder / "webhooks.db", journal.incarnation)
    services = Services(
        region=region, read_side=read_side, keys=keys, journal=journal, models=models, webhook_progress=progress,
        cursor_key=b"k" * 32, settings=ApiSettings(tenant_ttl_s=0.2), clock_ms=StrictClock(),
    )  # fmt: skip
    runners = [web.AppRunner(create_app(services), shutdown_timeout=0.5) for _ in range(2)]
    try:
        for runner in runners:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        url, elsewhere = (f"http://127.0.0.1:{runner.addresses[0][1]}" for runner in runners)
        async with ClientSession(url, cookie_jar=CookieJar(unsafe=True)) as session:
            service = Service(url, elsewhere, session, region, keys)
            keys.enrol_tenant(TENANT)
            place = Person(TENANT, TENANT_PERSON)
            await service.tell(place, CreateTenant(at_ms=wall_clock_ms(), name=TENANT))
            gym = Gym("Wien Mitte", "Europe/Vienna")
            await service.tell(place, SetGym(at_ms=wall_clock_ms(), gym="vienna", definition=gym))
            yield service
    finally:
        for runner in runners:
            await runner.cleanup()
        await asyncio.to_thread(region.stop, 5.0)
        stop.set()
        await asyncio.to_thread(worker.join)
        read_side.close()
        store.close()
        progress.close()
        models.close()
        keys.close()


Scenario = Callable[[Service], Awaitable[None]]


@pytest.fixture
def on_service(tmp_path: Path) -> Callable[[Scenario], None]:
    """Runs a scenario on a service of its own."""

    def run(scenario: Scenario) -> None:
        async def whole() -> None:
            async with running(tmp_path) as service:
                await scenario(service)

        asyncio.run(whole())

    return run


def test_an_owner_signs_in_and_sees_a_session_live_with_the_cookie_alone(
    on_service: Callable[[Scenario], None],
) -> None:
    async def scenario(service: Service) -> None:
        assert await service.sign_in(Role.OWNER) == 303
        async with asyncio.timeout(PATIENCE_S), service.web.get("/v1/gyms/vienna/live") as stream:
            assert stream.status == 200
            await service.ada_trains()
            while await stream.content.readline() != b"event: started\n":
                assert not stream.content.at_eof()
        await service.until_listed()
        status, html = await service.page(f"/sessions/{SESSION}")
        assert (status, "Session of ada" in html) == (200, True)

    on_service(scenario)


def test_signing_out_at_one_node_ends_the_cookie_at_every_other_and_no_other_browsers(
    on_service: Callable[[Scenario], None],
) -> None:
    async def scenario(service: Service) -> None:
        assert await service.sign_in(Role.OWNER) == 303
        ended = await service.copied_cookie()
        token = service.tokens[Role.OWNER]
        assert await service.show(token) == 303
        other = await service.copied_cookie()
        assert [await service.status_elsewhere(cookie) for cookie in (ended, other)] == [200, 200], "at once"
        signing_out = service.web.post("/sign-out", headers={"Origin": service.url} | ended, allow_redirects=False)
        async with signing_out as answer:
            assert answer.status == 303
        async with service.web.get("/gyms/vienna", headers=HTML | ended, allow_redirects=False) as answer:
            assert answer.status == 303, "at once where it was signed out"
        await service.until_closed_elsewhere(ended)
        assert await service.status_elsewhere(ended, "/v1/gyms/vienna/live") == 401
        assert await service.status_elsewhere(other) == 200

    on_service(scenario)


def test_a_token_that_is_revoked_ends_the_pages_that_were_signed_in_with_it_everywhere(
    on_service: Callable[[Scenario], None],
) -> None:
    async def scenario(service: Service) -> None:
        assert await service.sign_in(Role.OWNER) == 303
        cookie = await service.copied_cookie()
        assert await service.status_elsewhere(cookie) == 200
        revoke = RevokeToken(at_ms=wall_clock_ms(), token_id=Role.OWNER.value)
        await service.tell(Person(TENANT, TENANT_PERSON), revoke)
        await service.until_closed_elsewhere(cookie)
        assert await service.status_elsewhere(cookie, "/v1/gyms/vienna/live") == 401

    on_service(scenario)


def test_the_oldest_browser_of_an_operator_gives_way_to_one_too_many(
    on_service: Callable[[Scenario], None],
) -> None:
    async def scenario(service: Service) -> None:
        assert await service.sign_in(Role.OWNER) == 303
        cookies = [await service.copied_cookie()]
        for _ in range(MOST_OF_ONE):
            assert await service.show(service.tokens[Role.OWNER]) == 303
            cookies.append(await service.copied_cookie())
        await service.until_closed_elsewhere(cookies[0])
        assert {await service.status_elsewhere(cookie) for cookie in cookies[1:]} == {200}

    on_service(scenario)


def test_the_cookie_opens_nothing_else_of_the_api(on_service: Callable[[Scenario], None]) -> None:
    async def scenario(service: Service) -> None:
        assert await service.sign_in(Role.OWNER) == 303
        for method, path in (("GET", "/v1/gyms"), ("GET", "/v1/gyms/vienna"), ("DELETE", f"/v1/sessions/{SESSION}")):
            async with service.web.request(method, path) as answer:
                assert answer.status == 401

    on_service(scenario)


def test_a_trainer_opens_a_session_only_with_the_persons_consent(on_service: Callable[[Scenario], None]) -> None:
    async def scenario(service: Service) -> None:
        assert await service.sign_in(Role.TRAINER) == 303
        ada = await service.ada_trains()
        await service.until_listed()
        status, html = await service.page(f"/sessions/{SESSION}")
        assert status == 403
        assert "has not consented" in html
        await service.tell(ada, GiveConsent(at_ms=wall_clock_ms(), purpose=Purpose.TRAINER_ACCESS))
        assert (await service.page(f"/sessions/{SESSION}"))[0] == 200

    on_service(scenario)


def test_the_front_desk_opens_no_session(
    on_service: Callable[[Scenario], None],
) -> None:
    async def scenario(service: Service) -> None:
        assert await service.sign_in(Role.FRONT_DESK) == 303
        await service.ada_trains()
        await service.until_listed()
        assert (await service.page(f"/sessions/{SESSION}"))[0] == 403

    on_service(scenario)


def test_an_engineer_does_not_get_in(on_service: Callable[[Scenario], None]) -> None:
    async def scenario(service: Service) -> None:
        assert await service.sign_in(Role.ENGINEER) == 403
        assert (await service.page("/gyms/vienna"))[0] == 303

    on_service(scenario)


def test_what_is_not_there_is_a_page_for_people_and_a_problem_for_programs(
    on_service: Callable[[Scenario], None],
) -> None:
    async def scenario(service: Service) -> None:
        status, html = await service.page("/nowhere")
        assert (status, "<h1>Not Found</h1>" in html) == (404, True)
        for path in ("/nowhere", "/v1/nowhere"):
            async with service.web.get(path) as answer:
                assert (answer.status, answer.content_type) == (404, "application/problem+json")

    on_service(scenario)
