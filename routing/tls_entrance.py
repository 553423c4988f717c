"""Where a connection agrees on TLS before it begins. Who fails there is named; asyncio alone would say nothing."""

from __future__ import annotations

import asyncio
import ssl
from typing import Generic, cast

from kinelog.routing.connection import Connection, M
from kinelog.routing.errors import BrokenError
from typing_extensions import override


class TlsEntrance(asyncio.Protocol, Generic[M]):
    """The protocol of a connection until TLS is agreed; the connection has its place and its deadline already."""

    def __init__(self, connection: Connection[M], context: ssl.SSLContext) -> None:
        """Nobody is there yet.

        Args:
            connection: What begins when TLS is agreed, and is ended with the reason when it is not.
            context: Of a server.
        """
        self._connection = connection
        self._context = context
        self._agreeing: asyncio.Task[None] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        plain = cast("asyncio.Transport", transport)  # what streams are: asyncio declares less
        self._connection.arrived(plain)
        self._agreeing = self._connection.loop.create_task(self._agree(plain), name="agree on TLS")

    @override
    def data_received(self, data: bytes) -> None:
        # We speak first; and what came between the two protocols would be lost.
        self._connection.end(BrokenError("it spoke before it was asked"))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)

    async def _agree(self, plain: asyncio.Transport) -> None:
        connection = self._connection
        within_s = connection.settings.handshake_s
        try:
            encrypted = await connection.loop.start_tls(
                plain, self, self._context, server_side=True, ssl_handshake_timeout=within_s
            )
        except OSError as error:  # what TLS does not like is one, too
            connection.end(BrokenError(f"no TLS: {_in_words(error)}"))
            return
        if encrypted is None:  # it was closed meanwhile
            return
        encrypted.set_protocol(connection)
        connection.connection_made(encrypted)


def _in_words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not one of ours: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it speaks no TLS").lower().replace("_", " ")
    return str(error) or type(error).__name__
