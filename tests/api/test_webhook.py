"""The webhook over HTTP: owners set it, nobody is shown its secret, and how telling goes is there to be read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from kinelog.registry.scope import Scope
from kinelog.webhooks.endpoint import EndpointRules

from tests.registry.made_publications import put
from tests.webhooks.receiver import SECRET, receiving

Serve = Callable[..., None]
Seed = Callable[..., Awaitable[dict[str, str]]]
SCOPE = Scope("alpine", "all", ("left-wrist",))
HOOK = {"url": "https://hooks.example.com/kinelog", "secret": SECRET}


async def until(world: Any, holds: Callable[[Any], bool]) -> Any:
    """The webhook, once it is so."""
    async with asyncio.timeout(60):
        while not holds(webhook := (await world.call("GET", "/v1/webhook", "owner")).json):
            pass
    return webhook


def test_a_webhook_is_set_shown_without_its_secret_and_removed(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        none = await world.call("GET", "/v1/webhook", "owner")
        assert (none.status, none.code) == (404, "webhook-unknown")
        first = await world.call("PUT", "/v1/webhook", "owner", body=HOOK)
        assert (first.status, first.json["changed"]) == (201, True)
        again = await world.call("PUT", "/v1/webhook", "owner", body=HOOK)
        assert (again.status, again.json["changed"]) == (200, False)
        shown = await world.call("GET", "/v1/webhook", "owner")
        assert shown.json == {
            "url": HOOK["url"], "set_at_ms": shown.json["set_at_ms"], "delivered": 0, "failed_attempts": 0,
            "last_attempt_at_ms": None, "last_status": None, "last_error": None, "next_attempt_at_ms": None,
        }  # fmt: skip
        assert SECRET not in shown.body.decode() + first.body.decode()
        other = await world.call("PUT", "/v1/webhook", "owner", body=HOOK | {"secret": SECRET + "!"})
        assert (other.status, other.json["changed"]) == (201, True)
        assert (await world.call("DELETE", "/v1/webhook", "owner")).json["changed"]
        assert not (await world.call("DELETE", "/v1/webhook", "owner")).json["changed"]
        assert (await world.call("GET", "/v1/webhook", "owner")).status == 404

    serve(scenario)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"url": "http://hooks.example.com/"}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "/url"),
        ({"url": "https://localhost\r\nX: y/"}, "/url"),
        ({"url": "https://" + "a" * 2_100}, "/url"),
        ({"url": ""}, "/url"),
        ({"secret": "too short"}, "/secret"),
        ({"secret": "x" * 201}, "/secret"),
        ({"secret": "with a line\nbreak, and long enough"}, "/secret"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_at_its_field(serve: Serve, changes: dict[str, str], pointer: str) -> None:
    async def scenario(world: Any) -> None:
        reply = await world.call("PUT", "/v1/webhook", "owner", body=HOOK | changes)
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, pointer)
        assert SECRET not in reply.body.decode()
        assert (await world.call("GET", "/v1/webhook", "owner")).status == 404

    serve(scenario)


def test_this_machine_may_only_be_called_where_a_deployment_says_so(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        reply = await world.call("PUT", "/v1/webhook", "owner", body=HOOK | {"url": "http://127.0.0.1:9/"})
        assert (reply.status, reply.code) == (422, "webhook-invalid")

    serve(scenario, endpoint_rules=EndpointRules())


def test_what_is_published_reaches_the_tenants_server_and_a_failing_one_can_be_seen(serve: Serve, seed: Seed) -> None:
    async def scenario(world: Any) -> None:
        strangers = await seed(world.services.region, world.services.keys, "rival")
        async with receiving() as receiver:
            receiver.script.append(500)
            await world.call("PUT", "/v1/webhook", "owner", body=HOOK | {"url": receiver.url})
            published = put(world.services.models, SCOPE)
            failing = await until(world, lambda webhook: webhook["last_status"] == 500)
            assert (failing["delivered"], failing["failed_attempts"]) == (0, 1)
            assert failing["last_error"] == "answered 500"
            assert failing["next_attempt_at_ms"] > failing["last_attempt_at_ms"]
            world.clock.ahead_ms += 2_000
            told = await until(world, lambda webhook: webhook["delivered"] == 1)
            assert (told["failed_attempts"], told["last_status"], told["next_attempt_at_ms"]) == (0, 204, None)
            assert [message.number for message in receiver.messages] == [1, 1]
            assert all(message.signed for message in receiver.messages)
            data = receiver.messages[1].body["data"]
            assert (await world.call("GET", data["manifest"], "owner")).body == published.manifest
            assert (await world.call("GET", "/v1/webhook", strangers["owner"])).status == 404

    serve(scenario)
