"""One node of a group: membership, the moves of shards, the channel to the others and the router, tied together."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from kinelog.actors.membership.errors import MembershipError
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import Member, Membership, View
from kinelog.actors.moves_machine import MoveSettings
from kinelog.actors.region import Region
from kinelog.actors.shard_moves import ShardMoves
from kinelog.api.settings import ApiSettings
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.cluster_status import somebody_reaches_the_log
from kinelog.routing.hand_over import ChannelHandOver
from kinelog.routing.local_node import LocalNode
from kinelog.routing.node_server import NodeServer
from kinelog.routing.peers import Peers
from kinelog.routing.router import Router
from kinelog.service.cluster_secrets import cluster_secret_from
from kinelog.service.configuration import Settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.group_address import reached_at
from kinelog.service.group_joining import this_node
from kinelog.service.group_tls import group_tls
from kinelog.service.node import Heard, Node
from kinelog.service.opened_data import OpenedData
from kinelog.service.own_region import make_region
from kinelog.service.store_watch import StoreWatch
from kinelog.service.tenant_news import TenantNews
from typing_extensions import override

logger = logging.getLogger(__name__)

Join = Callable[[Member], Membership]
"""Makes the membership of who announces this, not started."""

ROUTED_S = ApiSettings().answer_s * 0.9
"""The router gives up a little before the interface does: it knows why."""

LOOK_EVERY_S = 0.02
NEWS_AGAIN_S = 1.0
"""Who announces writes down whom a moment after the command: then the tenant is looked at once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupParts:
    """What a node is made of; it stops all of them but the store."""

    region: Region
    membership: Membership
    moves: ShardMoves
    peers: Peers
    router: Router
    server: NodeServer
    listening: socket.socket
    store: StoreWatch


class GroupNode(Node):
    """One of several nodes: its shards come and go, and any command may be asked for here."""

    def __init__(self, opened: OpenedData, settings: Settings, join: Join) -> None:
        """Listen for other nodes, and make the rest; call on the event loop. Nobody hears of us before `start`.

        Raises:
            ConfigurationError: The secret of the group is missing, or a certificate is not what it should be.
            UnavailableServiceError: The internal port is taken.
        """
        self._shards = opened.journal.shards
        self._loop = asyncio.get_running_loop()
        self._moved: Heard = lambda: None
        self._news: Callable[[str], None] = lambda _tenant: None
        self._view: View | None = None
        self._placed: tuple[str | None, ...] = ()
        self._lets_go = False
        self._parts = self._made(opened, settings, join)
        self.asks = self._parts.router

    def _made(self, opened: OpenedData, settings: Settings, join: Join) -> GroupParts:
        secret, tls = ClusterSecret(cluster_secret_from()), group_tls(settings)
        host = settings.internal_host or settings.host
        listening = _listening(host, settings.internal_port)
        membership = join(this_node(settings, reached_at(settings.advertise, host, listening.getsockname()[1])))
        region = make_region(
            opened, settings, assigned=(), lease=membership.lease_until_s,
            owner=lambda: f"{membership.me.name} {membership.me.life}",
        )  # fmt: skip
        watched = TenantNews(region, self._heard_news)
        peers = Peers(membership.me.name, secret, tls=tls.client if tls else None)
        store = StoreWatch(opened.journal, settings.store_away_s, self._somebody_reaches_it, self._owns_as_it_can)
        router = Router(watched, membership, self._shards, peers, ROUTED_S, cut_off=lambda: store.given_away)
        moves = ShardMoves(
            region, membership, opened.codec, MoveSettings(handover_ms=int(settings.handover_s * 1000)),
            ChannelHandOver(peers, self._loop),
        )  # fmt: skip
        node = LocalNode(
            region=watched, membership=membership, router=router, peers=peers, let_go=moves.release,
            shards=region.status, begin_draining=self._announce_draining, store_answers=lambda: store.answers,
        )  # fmt: skip
        server = NodeServer(node, secret, tls=tls.server if tls else None)
        return GroupParts(
            region=region, membership=membership, moves=moves, peers=peers, router=router, server=server,
            listening=listening, store=store,
        )  # fmt: skip

    @override
    def tells(self, moved: Heard, news: Callable[[str], None]) -> None:
        self._moved, self._news = moved, news

    @override
    def owns(self, shard: int) -> bool:
        view = self._parts.membership.view()
        if view is not self._view:
            self._view, self._placed = view, owners(self._shards, view.members, view.pins)
        return view.joined and self._placed[shard] == self._parts.membership.me.name

    @override
    async def start(self) -> None:
        """Come: listen for the others first, so that nobody who hears of us is turned away.

        Raises:
            UnavailableServiceError: The group does not take us.
        """
        parts = self._parts
        await parts.server.serve(parts.listening)
        parts.region.start()
        try:
            # In a thread: while the coordinator is away this takes as long as a session.
            await asyncio.to_thread(parts.moves.start, self._viewed)
        except MembershipError as error:
            raise UnavailableServiceError(f"the group does not take this node: {error}") from error
        parts.store.start()

    def _viewed(self, view: View) -> None:
        """On the membership's thread, before shards move: whom one turns away finds its next owner already."""
        self._parts.router.seen(view)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._moved)

    def _heard_news(self, tenant: str) -> None:
        self._news(tenant)
        self._loop.call_later(NEWS_AGAIN_S, lambda: self._news(tenant))

    def _announce_draining(self) -> None:
        if not self._lets_go:
            self._lets_go = True
            logger.info("draining: the other nodes take over")
            self._owns_as_it_can(away=self._parts.store.given_away)

    def _owns_as_it_can(self, away: bool) -> None:  # noqa: FBT001 - a flag is what is told
        """Own nothing while this process is to stop, or does not reach the log: the end of one ends not the other."""
        self._parts.membership.set_draining(self._lets_go or away)

    async def _somebody_reaches_it(self) -> bool:
        parts = self._parts
        others = [member for member in parts.membership.view().members if member.name != parts.membership.me.name]
        return await somebody_reaches_the_log(parts.peers, others)

    @override
    async def drain(self, within_s: float, hurry: asyncio.Event) -> None:
        self._announce_draining()
        deadline = time.monotonic() + within_s
        while self._hands_over() and not hurry.is_set() and time.monotonic() < deadline:
            with suppress(TimeoutError):
                await asyncio.wait_for(hurry.wait(), LOOK_EVERY_S)
        if self._hands_over():
            left = ", ".join(map(str, sorted(self._parts.moves.held)))
            logger.warning("nobody took shards %s in time; they are let go of without", left)

    def _hands_over(self) -> bool:
        """Whether something is still ours that somebody else could have."""
        view = self._parts.membership.view()
        me = self._parts.membership.me
        others = any(member.name != me.name and not member.draining for member in view.members)
        return view.joined and others and bool(self._parts.moves.held)

    @override
    async def stop(self, within_s: float) -> None:
        parts = self._parts
        parts.store.stop()
        parts.moves.stop()
        await asyncio.to_thread(parts.region.stop, within_s)
        await asyncio.to_thread(parts.moves.leave)
        await parts.server.close()
        parts.peers.close()
        parts.listening.close()


def _listening(host: str, port: int) -> socket.socket:
    """A socket that other nodes find us by; its port is known before anybody is told of it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        message = f"cannot listen for other nodes on {host}:{port}: {error.strerror}; choose another internal_port"
        raise UnavailableServiceError(message) from error
