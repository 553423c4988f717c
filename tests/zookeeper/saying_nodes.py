"""Members of a real group that listen on a real channel, and say that they serve what placement gives them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.zookeeper import ZooKeeperMembership
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress
from kinelog.actors.shard_life import ShardStatus
from kinelog.routing.answers import Reply
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.node_server import NodeServer
from kinelog.routing.node_status import NodeStatus
from kinelog.routing.own_node import OwnRegion
from kinelog.routing.questions import Ask

from tests.nodes.membership_contract import LONG_SESSION_S, Heard, member

SECRET = "known to all nodes of this group"
SHARDS = 8


class SayingNode:
    """A node without a region: what it says of its shards is what its view says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard = Heard()
        self.stuck: set[int] = set()
        """Shards that it never lets go."""
        self.late: set[int] = set()
        """Shards that it never gets ready."""

    def join(self, zookeeper: ZooKeeperAddress, place: str) -> None:
        """Become a member that is reached at a place."""
        who = msgspec.structs.replace(member(self.name), address=place)
        self.membership = ZooKeeperMembership(zookeeper, "nodes", who, session_s=LONG_SESSION_S, shards=SHARDS)
        self.membership.start(self.heard)

    def status(self) -> NodeStatus:
        me, view = self.membership.me, self.membership.view()
        placed = owners(SHARDS, view.members, view.pins)
        shards = tuple(self._shard(shard, mine=owner == me.name) for shard, owner in enumerate(placed))
        return NodeStatus(
            name=me.name, life=me.life, version=me.version, ready=True, draining=me.draining, joined=view.joined,
            view=view.number, forwarded=7, shards=shards,
        )  # fmt: skip

    def _shard(self, shard: int, *, mine: bool) -> ShardStatus:
        phase = "restoring" if mine and shard in self.late else "ready" if mine or shard in self.stuck else "away"
        return ShardStatus(
            shard=shard, assigned=mine, phase=phase, epoch=3, head=100 + shard, mailbox=0, residents=0, restarts=0,
            moves=1,
        )  # fmt: skip

    @property
    def region(self) -> OwnRegion:
        raise NotImplementedError

    def release(self, shard: int, done: Callable[[], None]) -> None:  # noqa: ARG002 - as the channel calls it
        done()

    def drain(self) -> None:
        self.membership.set_draining(True)

    def relay(self, question: Ask, holder: str | None) -> asyncio.Future[Reply] | None:  # noqa: ARG002 - as above
        return None

    def speaks_for_its_shards(self) -> bool:
        return True


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="saying-nodes")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def saying_nodes(address: ZooKeeperAddress, *names: str) -> Iterator[dict[str, SayingNode]]:
    """Nodes that see each other; they leave afterwards."""
    nodes = {name: SayingNode(name) for name in names}
    servers = {name: NodeServer(node, ClusterSecret(SECRET.encode())) for name, node in nodes.items()}
    with event_loop() as loop:
        try:
            for name, node in nodes.items():
                host, port = asyncio.run_coroutine_threadsafe(servers[name].listen("127.0.0.1"), loop).result()
                node.join(address, f"{host}:{port}")
            for node in nodes.values():
                node.heard.wait(lambda view: view.joined and len(view.members) == len(names))
            yield nodes
        finally:
            for name, node in nodes.items():
                node.membership.stop()
                asyncio.run_coroutine_threadsafe(servers[name].close(), loop).result()
