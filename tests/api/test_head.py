"""HEAD is GET without the body: for every route, with the same headers, over a connection that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kinelog.api.route_table import ROUTES
from kinelog.registry.scope import Scope

from tests.api.conftest import Reply, World
from tests.registry.made_publications import put

Serve = Callable[..., None]
CITY = {"name": "City", "time_zone": "Europe/Vienna"}
SESSION = "6f1d7a52-0c3e-4a8b-9f21-5b7e2f60c9d4"
VARIES = ("/metrics", "/health/ready")
"""What they answer may change from one question to the next."""

UNLIKE = ("Date", "Transfer-Encoding", "Content-Length")
"""The length of what moves on may move too."""


def told(reply: Reply) -> tuple[int, dict[str, str]]:
    """What is the same whoever asks, as long as nothing happens."""
    return reply.status, {name: value for name, value in reply.headers.items() if name not in UNLIKE}


async def headed(world: World, path: str) -> tuple[Reply, Reply]:
    """A HEAD, and the GETs around it once they agree: until then views are catching up with the journal."""
    headers = {"X-Request-Id": "same"}
    while True:
        before, head, after = [
            await world.call(method, path, "owner", headers=headers) for method in ("GET", "HEAD", "GET")
        ]
        if told(before) == told(after):
            return head, after


def test_head_is_answered_as_get_with_the_same_headers_and_no_body(serve: Serve) -> None:
    async def scenario(world: World) -> None:
        await world.call("PUT", "/v1/gyms/city", "owner", body=CITY)
        await world.started(await world.person(), gym="city")
        blob = put(world.services.models, Scope("alpine", "all", ("left-wrist",))).blob
        named = {
            "user": "ada", "session": SESSION, "number": 1, "gym": "city", "cluster": "all",
            "sensors": "left-wrist", "hex": blob,
        }  # fmt: skip
        for route in ROUTES:
            if route.method != "GET" or route.path in VARIES or route.operation == "getLive":
                continue
            head, got = await headed(world, route.path.format(**named))
            assert (route.operation, head.body, *told(head)) == (route.operation, b"", *told(got))
        for path in VARIES:
            assert (await world.call("HEAD", path)).status == 200

    serve(scenario)


def test_head_tells_the_length_and_the_etag_and_keeps_conditions(serve: Serve) -> None:
    async def scenario(world: World) -> None:
        put(world.services.models, Scope("alpine", "all", ("left-wrist",)))
        path = "/v1/models/all/left-wrist"
        got = await world.call("GET", path, "owner")
        head = await world.call("HEAD", path, "owner")
        assert head.headers["ETag"] == got.headers["ETag"]
        assert int(head.headers["Content-Length"]) == len(got.body)
        unchanged = await world.call("HEAD", path, "owner", headers={"If-None-Match": got.headers["ETag"]})
        assert unchanged.status == 304
        assert (await world.call("HEAD", path)).status == 401
        assert (await world.call("HEAD", "/v1/tokens", "engineer")).status == 403
        assert (await world.call("HEAD", "/v1/tokens:refresh")).status == 405

    serve(scenario)


def test_head_of_a_stream_ends_at_once_and_the_connection_goes_on(serve: Serve) -> None:
    async def scenario(world: World) -> None:
        await world.call("PUT", "/v1/gyms/city", "owner", body=CITY)
        await world.person()
        server = world.client.server
        reader, writer = await asyncio.open_connection(server.host, server.port)
        for path in ("/v1/gyms/city/live", "/v1/users/ada/export", "/health/live"):
            writer.write(
                f"HEAD {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.tokens['owner']}\r\n\r\n".encode()
            )
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            # Were there a body, the next answer would not begin where this one ends.
            assert head.startswith(b"HTTP/1.1 200 "), head
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()

    serve(scenario)
