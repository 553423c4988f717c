"""How many connections there may be, and how long one may take over the headers of a request.

Each is an open file: who opens thousands and sends nothing, or a header line now and then, would leave none for others.
Who comes beyond a bound is told so and closed at once; nobody who is in is closed for it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web
from kinelog.api.client_network import network_of
from kinelog.api.problem_catalogue import kind_of
from kinelog.api.problems import CONTENT_TYPE, Problem
from kinelog.api.settings import ApiSettings
from typing_extensions import override

RETRY_AFTER_S = 2


class Door:
    """Counts the connections that there are; for one event loop."""

    def __init__(self, settings: ApiSettings) -> None:
        """Let in as many as the settings say."""
        self._most, self._most_of_network = settings.connections, settings.connections_of_network
        self.headers_s = settings.headers_s
        self._inside: Counter[str] = Counter()
        self._count = 0

    def let_in(self, network: str) -> bytes | None:
        """Count one more from this network; or what to tell it instead."""
        if self._count >= self._most:
            return _refusal("unavailable", "There are too many connections.")
        if self._most_of_network is not None and self._inside[network] >= self._most_of_network:
            return _refusal("busy", "There are too many connections from your address.")
        self._inside[network] += 1
        self._count += 1
        return None

    def let_out(self, network: str) -> None:
        """Count one less."""
        self._count -= 1
        self._inside[network] -= 1
        if not self._inside[network]:
            del self._inside[network]


def _refusal(code: str, detail: str) -> bytes:
    """An answer to who has asked nothing yet."""
    kind = kind_of(code)
    document = Problem(
        type=kind.type, title=kind.title, status=kind.status, request_id=secrets.token_hex(8), detail=detail,
        retryable=kind.retryable,
    )  # fmt: skip
    body = msgspec.json.encode(document)
    head = (
        f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nRetry-After: {RETRY_AFTER_S}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


class BoundedConnection(web.RequestHandler):
    """A connection that counts, and that is closed when the headers of a request take too long."""

    __slots__ = ("_counted_for", "_door", "_late")

    def __init__(self, manager: web.Server, *, loop: asyncio.AbstractEventLoop, door: Door, **settings: Any) -> None:  # noqa: ANN401 - the server's own, of many types
        """Nobody has come yet."""
        super().__init__(manager, loop=loop, **settings)
        self._door = door
        self._counted_for: str | None = None
        self._late: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        network = network_of(peer[0] if isinstance(peer, tuple) else None)
        refusal = self._door.let_in(network)
        if refusal is not None:
            if isinstance(transport, asyncio.WriteTransport):
                transport.write(refusal)
            transport.close()
            return
        self._counted_for = network
        super().connection_made(transport)

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        self._headers_came()
        if self._counted_for is not None:
            self._door.let_out(self._counted_for)
            self._counted_for = None
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._waits_for_headers():
            self._headers_came()
        elif self._late is None:
            self._late = self._loop.call_later(self._door.headers_s, self._close_if_late)

    def _waits_for_headers(self) -> bool:
        """Whether nothing is being answered: what came then, and was no whole request, is a part of headers."""
        return self._waiter is not None and not self._waiter.done()

    def _headers_came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close_if_late(self) -> None:
        self._late = None
        if self._waits_for_headers():
            self.force_close()
