"""Another node, as this one asks it: connects when there is something to ask, pauses after failures."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable
from typing import NamedTuple

from kinelog.routing.answers import Reply
from kinelog.routing.asking_connection import AskingConnection
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.errors import BrokenError, ChannelError, NotSentError
from kinelog.routing.handshake import ClientHandshake
from kinelog.routing.questions import Question
from kinelog.routing.settings import ChannelSettings

_LOG = logging.getLogger(__name__)


class ChannelStatus(NamedTuple):
    """A channel to another node, as metrics show it."""

    node: str
    connected: bool
    in_flight: int
    in_flight_bytes: int
    reconnects: int


class Peer:
    """Asks one node over at most one connection; all methods on the event loop."""

    def __init__(
        self, me: str, name: str, address: str, secret: ClusterSecret, settings: ChannelSettings,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """Nothing is connected yet.

        Args:
            me: Name of this node.
            name: Name of the other.
            address: Its `host:port`.
            secret: Of the cluster.
            settings: Bounds.
            tls: How to encrypt, or None.
        """
        self.name = name
        self.address = address
        self._me = me
        self._secret = secret
        self._settings = settings
        self._tls = tls
        self._connection: AskingConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._failures = 0
        self._not_before = 0.0
        self._gone = False
        self._opened = 0
        self._open_now = False

    @property
    def in_flight(self) -> int:
        """Questions that are not answered yet."""
        return self.channel().in_flight

    def channel(self) -> ChannelStatus:
        """How the connection is; from any thread."""
        connection, opened = self._connection, self._opened
        return ChannelStatus(
            node=self.name,
            connected=connection is not None and self._open_now,
            in_flight=0 if connection is None else connection.in_flight,
            in_flight_bytes=0 if connection is None else connection.in_flight_bytes,
            reconnects=max(0, opened - 1),
        )

    def ask(
        self, question_of: Callable[[int], Question], shard: int, size: int, within_s: float
    ) -> asyncio.Future[Reply]:
        """Ask a question; see `AskingConnection.ask`. The answer may fail with what follows, too.

        Raises:
            MailboxFullError: Too much is on its way to this node.
            NotSentError: The node cannot be reached now.
            BrokenError: (in the answer only) The connection ended; whether the question arrived is not known.
        """
        connection = self._connection or self._connect()
        return connection.ask(question_of, shard, size, within_s)

    def close(self) -> None:
        """The node is gone, or we are: whoever waits is told at once."""
        self._gone = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.end(BrokenError(f"node {self.name} is not asked any more"))

    def _connect(self) -> AskingConnection:
        loop = asyncio.get_running_loop()
        if self._gone or loop.time() < self._not_before:
            raise NotSentError(f"node {self.name} at {self.address} cannot be reached")
        handshake = ClientHandshake(self._me, self.name, self._secret)
        connection = AskingConnection(self._settings, handshake, self._ended)
        self._connection = connection
        self._connecting = loop.create_task(self._open(connection), name=f"connect to {self.name}")
        return connection

    async def _open(self, connection: AskingConnection) -> None:
        host, _, port = self.address.rpartition(":")
        server_name = (host.strip("[]") or None) if self._tls is not None else None
        try:
            async with asyncio.timeout(self._settings.handshake_s):
                await connection.loop.create_connection(
                    lambda: connection, host.strip("[]"), int(port), ssl=self._tls, server_hostname=server_name
                )
                await connection.known
        except (OSError, TimeoutError, ValueError, OverflowError) as error:
            connection.end(BrokenError(f"no connection to {self.name} at {self.address}: {str(error) or 'time-out'}"))
        except ChannelError:
            return  # `_ended` has heard of it
        else:
            self._failures = 0
            self._opened += 1
            self._open_now = True

    def _ended(self, error: ChannelError) -> None:
        self._connection = None
        self._open_now = False
        if self._gone:
            return
        pause = min(self._settings.reconnect_s * 2**self._failures, self._settings.reconnect_limit_s)
        self._failures = min(self._failures + 1, 16)
        # Apart from one another: nodes that lost the same node must not all come back to it in the same moment.
        self._not_before = asyncio.get_running_loop().time() + pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        level = logging.WARNING if self._failures == 1 else logging.DEBUG  # once, not with every attempt
        _LOG.log(level, "channel to %s at %s: %s", self.name, self.address, error)
