"""The relays harm the link that is named and no other, and what passes them is what was sent."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.cluster_chaos.links import Links, Place

NODE, OTHER = "127.61.7.1", "127.61.7.2"
ECHO_HOST, RELAY_HOST = "127.61.7.11", "127.61.7.21"
DELAY_S = 0.2
SOON_S = 30.0
SILENCE_S = 0.3


@dataclass(frozen=True)
class Wire:
    """Relays, and where one of them leads to a server that answers what it is told."""

    links: Links
    relay: Place


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """An echo called `cassandra`, behind a relay; `node` and `other` connect from addresses of their own."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(1 << 16):
                writer.write(piece)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    served: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.create_task(echo(reader, writer)))

    server = await asyncio.start_server(connected, ECHO_HOST, 0)
    port = server.sockets[0].getsockname()[1]
    with Links() as links:
        links.know(NODE, "node")
        links.know(OTHER, "other")
        links.relay("cassandra", (RELAY_HOST, port), (ECHO_HOST, port))
        yield Wire(links, (RELAY_HOST, port))
    server.close()
    await server.wait_closed()
    await asyncio.gather(*served)


class Caller:
    """A connection from an address."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, relay: Place, source: str) -> Caller:
        """Connect as a part of the cluster."""
        return cls(*await asyncio.open_connection(*relay, local_addr=(source, 0)))

    async def told(self, words: bytes, within_s: float = SOON_S) -> bytes:
        """Say something and wait for the answer."""
        self._writer.write(words)
        await self._writer.drain()
        return await self.heard(len(words), within_s)

    async def heard(self, count: int, within_s: float = SOON_S) -> bytes:
        """Wait for so many bytes; fewer if the connection ends."""
        async with asyncio.timeout(within_s):
            try:
                return await self._reader.readexactly(count)
            except (asyncio.IncompleteReadError, ConnectionError):
                return b""

    def close(self) -> None:
        """End it."""
        self._writer.transport.abort()


async def test_what_is_sent_arrives_whole_and_is_counted(wire: Wire) -> None:
    caller = await Caller.connect(wire.relay, NODE)
    words = os.urandom(300_000)
    assert await caller.told(words) == words
    assert wire.links.carried("node", "cassandra") == 2 * len(words)
    assert wire.links.carried("other", "cassandra") == 0
    caller.close()


async def test_a_cut_ends_what_is_and_lets_nothing_begin_until_it_is_healed(wire: Wire) -> None:
    caller, untouched = await Caller.connect(wire.relay, NODE), await Caller.connect(wire.relay, OTHER)
    assert await caller.told(b"before") == b"before"
    wire.links.cut("cassandra", "node")  # a link has no direction
    assert await caller.heard(1) == b""
    refused = await Caller.connect(wire.relay, NODE)
    assert await refused.heard(1) == b""
    assert await untouched.told(b"still") == b"still"
    wire.links.heal("node", "cassandra")
    again = await Caller.connect(wire.relay, NODE)
    assert await again.told(b"after") == b"after"
    for each in (caller, untouched, refused, again):
        each.close()


async def test_what_is_sent_into_silence_arrives_when_it_is_over(wire: Wire) -> None:
    caller, untouched = await Caller.connect(wire.relay, NODE), await Caller.connect(wire.relay, OTHER)
    assert await caller.told(b"before") == b"before"
    wire.links.silence("node", "cassandra")
    with pytest.raises(TimeoutError):
        await caller.told(b"kept", within_s=SILENCE_S)
    newcomer = await Caller.connect(wire.relay, NODE)  # as with a lost packet, nobody says no
    with pytest.raises(TimeoutError):
        await newcomer.told(b"kept too", within_s=SILENCE_S)
    assert await untouched.told(b"still") == b"still"
    wire.links.heal_all()
    assert await caller.heard(4) == b"kept"
    assert await newcomer.heard(8) == b"kept too"
    for each in (caller, untouched, newcomer):
        each.close()


async def test_a_cut_also_ends_what_waits_in_silence(wire: Wire) -> None:
    caller = await Caller.connect(wire.relay, NODE)
    assert await caller.told(b"before") == b"before"
    wire.links.silence("node", "cassandra")
    wire.links.cut("node", "cassandra")
    assert await caller.heard(1) == b""
    caller.close()


async def test_a_slow_link_takes_its_time_each_way(wire: Wire) -> None:
    caller = await Caller.connect(wire.relay, NODE)
    assert await caller.told(b"before") == b"before"
    wire.links.slow("node", "cassandra", DELAY_S)
    began_s = time.monotonic()
    assert await caller.told(b"slowly") == b"slowly"
    assert time.monotonic() - began_s >= 2 * DELAY_S
    caller.close()


async def test_the_end_of_one_direction_is_passed_on(wire: Wire) -> None:
    reader, writer = await asyncio.open_connection(*wire.relay, local_addr=(NODE, 0))
    writer.write(b"all")
    writer.write_eof()
    async with asyncio.timeout(SOON_S):
        assert await reader.read() == b"all"
    writer.close()


@pytest.fixture
def nobody_listens() -> Iterator[Links]:
    """A relay to where nobody listens."""
    with Links() as links, socket.create_server((RELAY_HOST, 0)) as taken:
        port = taken.getsockname()[1]
        links.relay("gone", (ECHO_HOST, port), (NODE, port))
        links.know("127.0.0.1", "harness")
        yield links


def test_whoever_is_not_there_is_not_there_through_the_relay_either(nobody_listens: Links) -> None:
    server = nobody_listens._servers[0].sockets[0].getsockname()
    with socket.create_connection(server, timeout=SOON_S) as connection:
        assert connection.recv(1) == b""


def test_nothing_is_left_when_it_is_closed() -> None:
    links = Links()
    assert links._thread.is_alive()
    links.close()
    assert not links._thread.is_alive()
