"""A tenant's own server: takes messages, or fails in every way that a server can."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kinelog.webhooks.signature import HEADER, holds

SECRET = "a secret of the tenant's own, long enough"
HANG = 0
ENDLESS = -1


@dataclass(frozen=True)
class Message:
    """One request, and what was answered."""

    body: dict[str, Any]
    headers: dict[str, str]
    signed: bool
    answered: int

    @property
    def number(self) -> int:
        return int(self.body["number"])


@dataclass
class Receiver:
    """Answers the next requests as `script` says, then 204; `HANG` never answers, `ENDLESS` never stops.

    Attributes:
        messages: Every request in the order in which it came.
    """

    url: str = ""
    script: deque[int] = field(default_factory=deque)
    messages: list[Message] = field(default_factory=list)
    followed: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def taken(self) -> list[int]:
        """Numbers of the publications that were taken, in order."""
        return [message.number for message in self.messages if message.answered == 204]

    async def until(self, count: int, within_s: float = 30.0) -> None:
        """Wait for this many requests."""
        async with asyncio.timeout(within_s):
            while len(self.messages) < count:
                self.came.clear()
                await self.came.wait()

    async def until_taken(self, number: int, within_s: float = 30.0) -> None:
        """Wait until a publication was taken."""
        async with asyncio.timeout(within_s):
            while number not in self.taken:
                self.came.clear()
                await self.came.wait()

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Answer as the script says."""
        body = await request.read()
        status = self.script.popleft() if self.script else 204
        signed = holds(SECRET, request.headers[HEADER], body, asyncio.get_running_loop().time(), float("inf"))
        self.messages.append(Message(json.loads(body), dict(request.headers), signed, status))
        self.came.set()
        if status == HANG:
            await self.gone.wait()
        if status == ENDLESS:
            return await self._endless(request)
        return web.Response(status=status or 204, headers={"Location": "/elsewhere"}, text="what a receiver writes")

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not self.gone.is_set():
            await response.write(b"x" * 65_536)
        return response

    async def elsewhere(self, _request: web.Request) -> web.StreamResponse:
        """Where a redirect would lead."""
        self.followed += 1
        return web.Response()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver for as long as a context lasts."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    app.router.add_route("*", "/elsewhere", receiver.elsewhere)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        try:
            yield receiver
        finally:
            receiver.gone.set()
