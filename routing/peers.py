"""All other nodes, as this one asks them: one connection each."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from functools import partial

from kinelog.actors.membership.port import Member
from kinelog.actors.tickets import COMMAND_BYTES, size_of
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person
from kinelog.routing.answers import Reply
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.peer import ChannelStatus, Peer
from kinelog.routing.questions import ASK_TYPES, Ask, AskStatus, Drain, Release
from kinelog.routing.settings import DEFAULT_CHANNEL, ChannelSettings

_NO_SHARD = -1


class Peers:
    """Asks other nodes; all methods on the event loop.

    Each of the questions returns the future of its answer. It raises `NotSentError` at once or in the future where the
    node cannot be reached (nothing left this process), `MailboxFullError` where too much is on its way to that node;
    the future fails with `BrokenError` where the connection ended and the question may have arrived.
    """

    def __init__(
        self, me: str, secret: ClusterSecret, settings: ChannelSettings = DEFAULT_CHANNEL,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """Connected to nobody.

        Args:
            me: Name of this node.
            secret: Of the cluster.
            settings: Bounds of each connection.
            tls: How to encrypt, or None.
        """
        self.me = me
        self._secret = secret
        self._settings = settings
        self._tls = tls
        self._peers: dict[tuple[str, str], Peer] = {}
        self.forwarded = 0

    def ask(
        self, member: Member, person: Person, command: Command, *,
        shard: int, within_s: float, hops: int, trace: str | None,
    ) -> asyncio.Future[Reply]:  # fmt: skip
        """Have a command decided by a node."""
        kind = ASK_TYPES[type(command)]
        within_ms = max(0, min(int(within_s * 1_000), 3_600_000))

        def question(number: int) -> Ask:
            return kind(number, within_ms, hops, trace, *person, command)

        self.forwarded += 1
        return self._peer(member).ask(question, shard, size_of(command), within_s)

    def release(self, member: Member, shard: int, within_s: float) -> asyncio.Future[Reply]:
        """Have a node let a shard go; answered when it has."""
        question = partial(Release, within_ms=int(within_s * 1_000), shard=shard)
        return self._peer(member).ask(question, shard, COMMAND_BYTES, within_s)

    def status(self, member: Member, within_s: float) -> asyncio.Future[Reply]:
        """Ask a node how it is."""
        question = partial(AskStatus, within_ms=int(within_s * 1_000))
        return self._peer(member).ask(question, _NO_SHARD, COMMAND_BYTES, within_s)

    def drain(self, member: Member, within_s: float) -> asyncio.Future[Reply]:
        """Have a node begin to let everything go."""
        question = partial(Drain, within_ms=int(within_s * 1_000))
        return self._peer(member).ask(question, _NO_SHARD, COMMAND_BYTES, within_s)

    def keep(self, members: Iterable[Member]) -> None:
        """These are there: whoever waits for an answer of one that is not is told at once."""
        there = {(member.name, member.address) for member in members}
        for gone in [key for key in self._peers if key not in there]:
            self._peers.pop(gone).close()

    def close(self) -> None:
        """Hang up on everybody."""
        self.keep(())

    def in_flight(self) -> dict[str, int]:
        """Questions that are not answered yet, by node."""
        counts: dict[str, int] = {}
        for peer in self._peers.values():
            counts[peer.name] = counts.get(peer.name, 0) + peer.in_flight
        return counts

    def channels(self) -> list[ChannelStatus]:
        """How each connection is; from any thread."""
        return [peer.channel() for peer in list(self._peers.values())]

    def _peer(self, member: Member) -> Peer:
        key = (member.name, member.address)
        peer = self._peers.get(key)
        if peer is None:
            peer = self._peers[key] = Peer(
                self.me, member.name, member.address, self._secret, self._settings, self._tls
            )
        return peer
