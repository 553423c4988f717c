"""The live stream: snapshot, events, resuming, slow clients, stopping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from kinelog.api.context import CONTEXT
from kinelog.api.live_feeds import Watcher, behind
from kinelog.projections.rows import LiveRow

Serve = Callable[..., None]
MakeFrame = Callable[..., bytes]
PATIENCE_S = 60


class Stream:
    """Reads events of one connection."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def lines(self) -> list[str]:
        """Lines of the next event or comment."""
        block: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = (await self._answer.content.readline()).decode()
                if not line:
                    raise EOFError
                if line == "\n":
                    return block
                block.append(line.rstrip("\n"))

    async def event(self) -> dict[str, Any]:
        """The next event."""
        while True:
            fields = dict(line.split(": ", 1) for line in await self.lines() if not line.startswith(":"))
            if "event" in fields:
                return {**fields, "data": json.loads(fields["data"])}

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """Events up to the first of this kind."""
        seen = [await self.event()]
        while seen[-1]["event"] != kind:
            seen.append(await self.event())
        return seen


@asynccontextmanager
async def watching(world: Any, role: str = "front-desk", **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {world.tokens[role]}", **headers}
    async with world.client.get("/v1/gyms/city/live", headers=sent) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        yield Stream(answer)


async def prepared(world: Any) -> str:
    await world.call("PUT", "/v1/gyms/city", "owner", body={"name": "City", "time_zone": "Europe/Vienna"})
    return str(await world.person())


def test_a_client_sees_who_trains_and_then_what_happens(serve: Serve, frame: MakeFrame, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await prepared(world)
        position = (await world.started(ada, gym="city")).json["position"]
        await world.call("GET", f"/v1/sessions/{session}?min_position={position}", ada)
        async with watching(world) as stream:
            snapshot = await stream.event()
            assert snapshot["event"] == "snapshot"
            assert [(row["session"], row["user"]) for row in snapshot["data"]["sessions"]] == [(session, "ada")]
            await world.call("PUT", f"/v1/sessions/{session}/frames/watch/0", ada, data=frame())
            await world.call("POST", f"/v1/sessions/{session}:end", ada)
            seen = await stream.until("ended")
            assert {event["data"]["session"] for event in seen} == {session}
            assert {event["data"]["user"] for event in seen} == {"ada"}
            assert "person" not in seen[-1]["data"]

    serve(scenario)


def test_a_client_that_comes_back_goes_on_behind_its_last_event(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await prepared(world)
        async with watching(world) as stream:
            await stream.event()
            await world.started(ada, gym="city")
            last = (await stream.until("started"))[-1]["id"]
        await world.call("POST", f"/v1/sessions/{session}:end", ada)
        async with watching(world, **{"Last-Event-ID": last}) as stream:
            seen = await stream.until("ended")
            assert [event["event"] for event in seen if event["event"] in ("snapshot", "started")] == []
        for foreign in ("nonsense", "0-ffffffff.1-ffffffff.2-ffffffff.3-ffffffff"):
            async with watching(world, **{"Last-Event-ID": foreign}) as stream:
                assert (await stream.event())["event"] == "snapshot"

    serve(scenario)


def test_many_clients_of_a_gym_share_one_poller_that_ends_with_the_last(serve: Serve, quick: Any) -> None:
    async def scenario(world: Any) -> None:
        await prepared(world)
        context = world.client.app[CONTEXT]
        async with watching(world) as first, watching(world, "trainer") as second:
            await first.event()
            await second.event()
            assert context.feeds.pollers == 1
            assert context.meters.live_clients == 2
        async with asyncio.timeout(PATIENCE_S):
            # The server learns that its clients went away by writing to them: there is no event to wait for.
            while context.feeds.pollers or context.meters.live_clients:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    serve(scenario, replace(quick, live_heartbeat_s=0.02))


def test_a_silent_stream_says_that_it_lives(serve: Serve, quick: Any) -> None:
    async def scenario(world: Any) -> None:
        await prepared(world)
        async with watching(world) as stream:
            await stream.event()
            assert await stream.lines() == [": alive"]

    serve(scenario, replace(quick, live_heartbeat_s=0.02))


def test_streams_end_when_the_service_stops_and_no_new_one_begins(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        await prepared(world)
        async with watching(world) as stream:
            await stream.event()
            world.client.app[CONTEXT].lifecycle.begin_stopping()
            try:
                while True:
                    await stream.lines()
            except EOFError:
                pass
        refused = await world.call("GET", "/v1/gyms/city/live", "owner")
        assert (refused.status, refused.code) == (503, "unavailable")
        ready = await world.call("GET", "/health/ready")
        assert (ready.status, ready.code) == (503, "unavailable")
        assert (await world.call("GET", "/health/live")).status == 200

    serve(scenario)


def test_too_many_streams_are_turned_away(serve: Serve, quick: Any) -> None:
    async def scenario(world: Any) -> None:
        await prepared(world)
        async with watching(world) as stream:
            await stream.event()
            refused = await world.call("GET", "/v1/gyms/city/live", "owner")
            assert (refused.status, refused.code) == (429, "busy")

    serve(scenario, replace(quick, live_clients=1))


def test_a_signed_in_page_may_watch_by_its_cookie_and_do_nothing_else(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        await prepared(world)
        form = {"token": world.tokens["front-desk"]}
        async with world.client.post("/sign-in", data=form) as answer:
            assert (answer.status, answer.content_type) == (403, "application/problem+json")  # no page of ours sent it
        own = {"Origin": str(world.client.make_url("/")).rstrip("/")}
        async with world.client.post("/sign-in", data=form, headers=own, allow_redirects=False) as answer:
            assert answer.status == 303
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        async with world.client.get("/v1/gyms/city/live", headers={"Cookie": cookie}) as answer:
            assert (await Stream(answer).event())["event"] == "snapshot"
        assert (await world.call("GET", "/v1/gyms", headers={"Cookie": cookie})).status == 401

    serve(scenario)


def _row(position: int) -> LiveRow:
    return LiveRow("frame", "p", "s", 0, 1, position, {})


def test_a_watcher_that_falls_too_far_behind_is_marked_and_holds_nothing() -> None:
    watcher = Watcher(capacity=3)
    watcher.offer([_row(1), _row(2)])
    assert [row.position for row in watcher.take()] == [1, 2]
    watcher.offer([_row(3), _row(4)])
    watcher.offer([_row(5), _row(6)])
    assert watcher.overflowed
    assert watcher.take() == []


def test_an_entry_is_new_only_behind_its_shards_position() -> None:
    assert behind(_row(5), {})
    assert behind(_row(5), {1: 4, 2: 9})
    assert not behind(_row(5), {1: 5})
