"""Listens for other nodes."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

from kinelog.routing.answering_connection import AnsweringConnection
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.errors import BrokenError, ChannelError
from kinelog.routing.handshake import ServerHandshake
from kinelog.routing.own_node import OwnNode
from kinelog.routing.settings import DEFAULT_CHANNEL, ChannelSettings
from kinelog.routing.tls_entrance import TlsEntrance

_LOG = logging.getLogger(__name__)


class NodeServer:
    """Answers the questions of other nodes; all methods on the event loop."""

    def __init__(
        self, node: OwnNode, secret: ClusterSecret, settings: ChannelSettings = DEFAULT_CHANNEL,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """Listen to nobody yet.

        Args:
            node: Who answers.
            secret: Of the cluster.
            settings: Bounds.
            tls: How to encrypt, and which certificates to ask for; or None.
        """
        self._node = node
        self._secret = secret
        self._settings = settings
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._strangers: dict[AnsweringConnection, None] = {}  # a set that keeps the order
        self._known: dict[str, list[AnsweringConnection]] = {}
        self.refused = 0

    async def listen(self, host: str, port: int = 0) -> tuple[str, int]:
        """Take connections; host and port that came of it (port 0: any that is free).

        Raises:
            OSError: The port cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._arrival, host, port, backlog=128)
        bound: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        return bound

    async def serve(self, listening: socket.socket) -> None:
        """Take connections of a socket that listens already, and is closed with this server."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._arrival, sock=listening, backlog=128)

    async def close(self) -> None:
        """Stop listening and hang up; what is answered later reaches nobody. May be called again."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in [*self._strangers, *(one for held in self._known.values() for one in held)]:
            connection.end(ChannelError("this node stops"))
        if server is not None:
            await server.wait_closed()

    def _arrival(self) -> asyncio.Protocol:
        return self._connection() if self._tls is None else TlsEntrance(self._connection(), self._tls)

    def _connection(self) -> AnsweringConnection:
        handshake = ServerHandshake(self._node.name, self._secret)
        connection = AnsweringConnection(self._settings, handshake, self._node, self._introduced, self._ended)
        self._strangers[connection] = None
        if len(self._strangers) > self._settings.handshakes:
            # Whoever has waited longest gives way: one who means it is through in milliseconds.
            oldest = next(iter(self._strangers))
            oldest.loop.call_soon(oldest.end, BrokenError("too many strangers"))
        return connection

    def _introduced(self, connection: AnsweringConnection) -> None:
        self._strangers.pop(connection, None)
        held = self._known.setdefault(str(connection.peer), [])
        held.append(connection)
        if len(held) > self._settings.connections_per_peer:
            held[0].end(BrokenError(f"{connection.peer} connects anew"))

    def _ended(self, connection: AnsweringConnection, error: ChannelError) -> None:
        if connection in self._strangers:
            del self._strangers[connection]
            self.refused += 1
            _LOG.warning("refused on the channel: %s: %s", connection.whence, error)
            return
        held = self._known.get(str(connection.peer), [])
        if connection in held:
            held.remove(connection)
        if not held:
            self._known.pop(str(connection.peer), None)
        _LOG.info("channel from %s at %s ended: %s", connection.peer, connection.whence, error)
