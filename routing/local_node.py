"""This node, as the channel shows it to others: put together by the composition root."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from kinelog.actors.membership.port import Membership
from kinelog.actors.shard_life import ShardStatus
from kinelog.routing.answers import Reply
from kinelog.routing.node_status import NodeStatus
from kinelog.routing.own_node import OwnRegion
from kinelog.routing.peers import Peers
from kinelog.routing.questions import Ask
from kinelog.routing.router import Router


@dataclass(frozen=True, slots=True)
class LocalNode:
    """Implements `OwnNode` over the parts of a process.

    Attributes:
        region: Has commands decided.
        membership: Says who this node is, and until when it may speak.
        router: Passes on what came to the wrong node.
        peers: The other nodes.
        let_go: Lets a shard go in order, because its next owner asks; calls back when that is done.
        shards: What there is to be said of each shard.
        begin_draining: Begins to let everything go.
        store_answers: Whether the log answered when it was last looked at; None where nobody looked.
    """

    region: OwnRegion
    membership: Membership
    router: Router
    peers: Peers
    let_go: Callable[[int, Callable[[], None]], None]
    shards: Callable[[], tuple[ShardStatus, ...]]
    begin_draining: Callable[[], None]
    store_answers: Callable[[], bool | None] = lambda: None

    @property
    def name(self) -> str:
        """Of this node."""
        return self.membership.me.name

    def release(self, shard: int, done: Callable[[], None]) -> None:
        """Let a shard go in order."""
        self.let_go(shard, done)

    def drain(self) -> None:
        """Begin to let everything go."""
        self.begin_draining()

    def relay(self, question: Ask, holder: str | None) -> asyncio.Future[Reply] | None:
        """Pass a question on, where that is allowed and of use."""
        return self.router.relay(question, holder)

    def speaks_for_its_shards(self) -> bool:
        """Whether the lease of the membership still runs."""
        return time.monotonic() <= self.membership.lease_until_s()

    def status(self) -> NodeStatus:
        """How this node is now."""
        me, view = self.membership.me, self.membership.view()
        seen = [member for member in view.members if (member.name, member.life) == (me.name, me.life)]
        return NodeStatus(
            name=me.name, life=me.life, version=me.version, ready=self.router.ready(),
            draining=me.draining or any(member.draining for member in seen), joined=view.joined, view=view.number,
            forwarded=self.peers.forwarded, in_flight=self.peers.in_flight(), shards=self.shards(),
            store_answers=self.store_answers(),
        )  # fmt: skip
