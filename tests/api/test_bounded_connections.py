"""Connections are bounded, in all and from one address, and none keeps its headers to itself for long."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from kinelog.api.malformed_requests import ProblemRunner
from kinelog.api.settings import ApiSettings

ASKED = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
PATIENCE_S = 30.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _length(request: web.Request) -> web.Response:
    return web.Response(text=str(len(await request.read())))


@asynccontextmanager
async def listening(settings: ApiSettings, keepalive_s: float = 3600.0) -> AsyncIterator[tuple[str, int]]:
    """A server that says how long a body was."""
    app = web.Application(handler_args={"keepalive_timeout": keepalive_s})
    app.router.add_put("/", _length)
    runner = ProblemRunner(app, settings, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield host, port
    finally:
        await runner.cleanup()


async def answered(connection: Connection, sent: bytes = ASKED) -> bool:
    """Whether a request is answered on this connection; it may be closed instead."""
    reader, writer = connection
    writer.write(sent)
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        return head.startswith(b"HTTP/1.1 200 ") and await reader.readexactly(1) == b"4"
    except (asyncio.IncompleteReadError, ConnectionError):
        return False


async def told(connection: Connection) -> tuple[int, dict[str, str], dict[str, object]]:
    """What a connection is told that is not let in: status, headers, problem; then it is closed."""
    head, _, body = (await asyncio.wait_for(connection[0].read(), PATIENCE_S)).decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return int(status.split()[1]), headers, json.loads(body)


def leave(*connections: Connection) -> None:
    for _, writer in connections:
        writer.close()


async def test_beyond_the_bound_a_connection_is_told_so_and_those_that_are_in_stay() -> None:
    async with listening(ApiSettings(connections=2)) as at:
        inside = [await asyncio.open_connection(*at) for _ in range(2)]
        for connection in inside:
            assert await answered(connection)
        outside = await asyncio.open_connection(*at)
        status, headers, problem = await told(outside)
        assert (status, headers["Retry-After"], headers["Connection"]) == (503, "2", "close")
        assert headers["Content-Type"] == "application/problem+json"
        assert (problem["type"], problem["retryable"]) == ("/problems/unavailable", True)
        assert len(str(problem["request_id"])) == 16
        for connection in inside:
            assert await answered(connection)
        leave(outside, inside.pop())
        async with asyncio.timeout(PATIENCE_S):  # until the server, too, knows that one has left
            while not await answered(newcomer := await asyncio.open_connection(*at)):
                leave(newcomer)
        leave(newcomer, *inside)


async def test_one_address_has_its_own_bound_and_leaves_room_for_others() -> None:
    async with listening(ApiSettings(connections=10, connections_of_network=1)) as at:
        greedy = await asyncio.open_connection(*at, local_addr=("127.0.0.1", 0))
        assert await answered(greedy)
        again = await asyncio.open_connection(*at, local_addr=("127.0.0.1", 0))
        status, headers, problem = await told(again)
        assert (status, headers["Retry-After"], problem["type"]) == (429, "2", "/problems/busy")
        other = await asyncio.open_connection(*at, local_addr=("127.0.0.2", 0))
        assert await answered(other)
        assert await answered(greedy)
        leave(greedy, again, other)


async def test_headers_that_do_not_end_close_the_connection_and_no_other_wait_does() -> None:
    async with listening(ApiSettings(headers_s=0.2)) as at:
        idle = await asyncio.open_connection(*at)
        assert await answered(idle)
        silent = await asyncio.open_connection(*at)
        body_to_come = await asyncio.open_connection(*at)
        body_to_come[1].write(ASKED.removesuffix(b"body"))
        # The clocks of all others began before these, which are closed: had others been late too, they were gone.
        first_headers, next_headers = await asyncio.open_connection(*at), await asyncio.open_connection(*at)
        assert await answered(next_headers)
        for reader, writer in (first_headers, next_headers):
            writer.write(b"PUT / HTTP/1.1\r\nHost:")
            assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        assert await answered(idle)
        assert await answered(silent)
        assert await answered(body_to_come, b"body")
        leave(idle, silent, body_to_come, first_headers, next_headers)


async def test_headers_in_pieces_that_come_in_time_are_answered() -> None:
    async with listening(ApiSettings(headers_s=3600.0)) as at:
        connection = await asyncio.open_connection(*at)
        for _ in range(2):
            for piece in (ASKED[:3], ASKED[3:20]):
                connection[1].write(piece)
                await connection[1].drain()
            assert await answered(connection, ASKED[20:])
        leave(connection)


async def test_a_connection_on_which_nothing_comes_is_closed_when_it_has_been_idle_for_so_long() -> None:
    async with listening(ApiSettings(), keepalive_s=0.1) as at:
        silent = await asyncio.open_connection(*at)
        assert await asyncio.wait_for(silent[0].read(), PATIENCE_S) == b""
        leave(silent)
