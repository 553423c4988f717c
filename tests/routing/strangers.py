"""Whoever else may connect to a node's port: raw sockets that say what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.frames import FrameReader, FrameWriter, open_frame
from kinelog.routing.handshake import ClientHandshake, Established

from tests.routing.nodes import SECRET


@dataclass
class Stranger:
    """One raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def open_payload(self) -> bytes:
        """The next payload of the handshake."""
        length = int.from_bytes(await self.reader.readexactly(4), "big")
        return await self.reader.readexactly(length)

    async def say(self, payload: bytes) -> None:
        """Send a payload of the handshake."""
        await self.send(open_frame(payload))

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def hung_up(self) -> bytes:
        """What still came before the node hung up."""
        async with asyncio.timeout(30.0):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def introduced(self, name: str, wants: str, secret: ClusterSecret = SECRET) -> Insider:
        """Go through the handshake."""
        handshake = ClientHandshake(name, wants, secret)
        hello = handshake.receive(await self.open_payload())
        assert isinstance(hello, bytes)
        await self.say(hello)
        both = handshake.receive(await self.open_payload())
        assert isinstance(both, Established)
        return Insider(self, both)


class Insider:
    """Somebody who knows the secret, and says what a test wants."""

    def __init__(self, stranger: Stranger, both: Established) -> None:
        self.stranger = stranger
        self._frames = FrameReader()
        self._frames.sealed_with(both.reads_with, 1 << 26)
        self.writer = FrameWriter(both.writes_with, 1 << 26)

    async def say(self, payload: bytes) -> None:
        """Send a sealed payload."""
        await self.stranger.send(self.writer.frame(payload))

    async def heard(self) -> bytes:
        """The next sealed payload."""
        async with asyncio.timeout(30.0):
            while (payload := self._frames.next()) is None:
                self._frames.feed(await self.stranger.reader.read(65_536))
            return payload


@asynccontextmanager
async def stranger_at(address: str) -> AsyncIterator[Stranger]:
    """Connect, and hang up in the end."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Stranger(reader, writer)
    finally:
        writer.close()
