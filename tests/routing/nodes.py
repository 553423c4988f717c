"""Nodes on loopback: real channels and routers, around regions that a test answers for, or real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from kinelog.actors.answers import Accepted, Answer, LogPosition
from kinelog.actors.asyncio_bridge import Awaited
from kinelog.actors.errors import ActorsError
from kinelog.actors.membership.port import Listener, Member, Membership, View
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person
from kinelog.domain.replies import Done
from kinelog.routing.answers import Status
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.local_node import LocalNode
from kinelog.routing.node_server import NodeServer
from kinelog.routing.own_node import OwnRegion
from kinelog.routing.peers import Peers
from kinelog.routing.router import Router
from kinelog.routing.settings import ChannelSettings
from kinelog.routing.tls import ChannelTls
from typing_extensions import override

SECRET = ClusterSecret(b"for tests only, and long enough: " * 2)
QUICK = ChannelSettings(ping_s=0.05, silence_s=30.0, sweep_s=0.01, handshake_s=30.0, reconnect_limit_s=0.05)
"""Quick in what it does, and as patient as anybody who waits: what a test wants to be over it makes so itself."""
SHARDS = 4
DONE = Accepted(Done(), LogPosition(1, 2))


async def eventually(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait for a condition, and let the event loop go on."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for raises no event
            await asyncio.sleep(0.002)


async def connected(node: Node, member: Member) -> None:
    """Wait until a node has its channel to another: what is asked within little time then goes out at once."""
    assert isinstance(await node.peers.status(member, 30.0), Status)


@dataclass
class AnsweringRegion:
    """Answers as a test wants: at once, with an error, or when the test says so."""

    answer: Answer | ActorsError | None = DONE
    heard: list[tuple[Person, Command]] = field(default_factory=list)
    waiting: list[Awaited] = field(default_factory=list)

    def ask_for(self, awaited: Awaited, person: Person, command: Command) -> None:
        self.heard.append((person, command))
        if isinstance(self.answer, ActorsError):
            raise self.answer
        if self.answer is None:
            self.waiting.append(awaited)
        else:
            awaited.set_result(self.answer)

    def ready(self) -> bool:
        return True


class ToldMembership(Membership):
    """Sees what a test tells it."""

    def __init__(self, me: Member, group: Group) -> None:
        self.me = me
        self.lease_s = float("inf")
        self._group = group

    @override
    def start(self, listener: Listener) -> None:
        listener(self.view())

    @override
    def view(self) -> View:
        return self._group.view

    @override
    def lease_until_s(self) -> float:
        return self.lease_s

    @override
    def set_draining(self, draining: bool) -> None:
        self.me = msgspec.structs.replace(self.me, draining=draining)

    @override
    def stop(self) -> None:
        """Nothing is held."""


@dataclass
class Group:
    """What all nodes of a test see. Pins say which node owns which shard."""

    view: View = field(default_factory=lambda: View(number=1, members=(), joined=True))

    def change(self, members: Sequence[Member] | None = None, pins: dict[int, str] | None = None) -> View:
        now = self.view
        self.view = View(
            number=now.number + 1, joined=True,
            members=now.members if members is None else tuple(members),
            pins=now.pins if pins is None else pins,
        )  # fmt: skip
        return self.view


@dataclass
class Node:
    """One node."""

    name: str
    member: Member
    region: OwnRegion
    membership: ToldMembership
    peers: Peers
    router: Router
    server: NodeServer
    released: list[int] = field(default_factory=list)
    drained: list[bool] = field(default_factory=list)
    local: LocalNode = field(kw_only=True)

    async def close(self) -> None:
        self.peers.close()
        await self.server.close()


async def start_node(
    name: str, group: Group, region: OwnRegion, *, answer_s: float = 30.0, settings: ChannelSettings = QUICK,
    secret: ClusterSecret = SECRET, tls: ChannelTls | None = None, shards: int = SHARDS,
) -> Node:  # fmt: skip
    """A node that listens and is a member of the group."""
    me = Member(name=name, life="00000001", address="", version="1", reads=1)
    membership = ToldMembership(me, group)
    peers = Peers(name, secret, settings, tls.client if tls else None)
    router = Router(region, membership, shards, peers, answer_s)
    released: list[int] = []
    drained: list[bool] = []

    def let_go(shard: int, done: Callable[[], None]) -> None:
        released.append(shard)
        done()

    local = LocalNode(region, membership, router, peers, let_go, tuple, lambda: drained.append(True))
    server = NodeServer(local, secret, settings, tls.server if tls else None)
    host, port = await server.listen("127.0.0.1")
    me = msgspec.structs.replace(me, address=f"{host}:{port}")
    membership.me = me
    group.change([*group.view.members, me])
    return Node(name, me, region, membership, peers, router, server, released, drained, local=local)


@asynccontextmanager
async def two_nodes(
    there: OwnRegion, here: OwnRegion | None = None, *, answer_s: float = 30.0, settings: ChannelSettings = QUICK
) -> AsyncIterator[tuple[Group, Node, Node]]:
    """Node `a`, which owns nothing, and node `b`, which owns everything and answers from `there`."""
    group = Group()
    a = await start_node("a", group, here or AnsweringRegion(), answer_s=answer_s, settings=settings)
    b = await start_node("b", group, there, answer_s=answer_s, settings=settings)
    group.change(pins=dict.fromkeys(range(SHARDS), "b"))
    try:
        yield group, a, b
    finally:
        await a.close()
        await b.close()
