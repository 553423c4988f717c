"""How all nodes are: each is asked over the channel, by another node or by an operator's command."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from kinelog.actors.errors import MailboxFullError
from kinelog.actors.membership.port import Member
from kinelog.routing.answers import Draining, Status
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.errors import ChannelError
from kinelog.routing.node_status import NodeStatus
from kinelog.routing.peers import Peers
from kinelog.routing.tls import ChannelTls

OPERATOR = "operator"
"""The name under which a command line introduces itself; it is no member, and owns nothing."""


class Collected(msgspec.Struct, frozen=True):
    """What became of asking one member.

    Attributes:
        member: Who was asked.
        status: How it is, or None where it did not say.
        problem: Why it did not.
    """

    member: Member
    status: NodeStatus | None
    problem: str | None = None


async def collect(peers: Peers, members: Sequence[Member], within_s: float = 2.0) -> tuple[Collected, ...]:
    """Ask all members at once how they are; members without an address are not asked."""
    return tuple(await asyncio.gather(*(_ask(peers, member, within_s) for member in members)))


async def _ask(peers: Peers, member: Member, within_s: float) -> Collected:
    if not member.address:
        return Collected(member, None, "takes no questions")
    try:
        reply = await peers.status(member, within_s)
    except (ChannelError, MailboxFullError) as error:
        return Collected(member, None, str(error))
    if isinstance(reply, Status):
        return Collected(member, reply.status)
    return Collected(member, None, f"no answer within {within_s} s")


async def somebody_reaches_the_log(peers: Peers, members: Sequence[Member], within_s: float = 2.0) -> bool:
    """Whether one of these, that may own shards, says that the log answers it."""
    said = await collect(peers, [member for member in members if not member.draining], within_s)
    return any(each.status is not None and each.status.joined and each.status.store_answers for each in said)


async def begin_draining(peers: Peers, member: Member, within_s: float = 2.0) -> bool:
    """Have a member let everything go; whether it said that it does.

    Raises:
        ChannelError: It cannot be asked.
        MailboxFullError: Too much is on its way to it.
    """
    return isinstance(await peers.drain(member, within_s), Draining)


def collect_once(
    secret: ClusterSecret, members: Sequence[Member], tls: ChannelTls | None = None, within_s: float = 2.0
) -> tuple[Collected, ...]:
    """As `collect`, for a program without an event loop: connects, asks, hangs up."""

    async def once() -> tuple[Collected, ...]:
        peers = Peers(OPERATOR, secret, tls=tls.client if tls else None)
        try:
            return await collect(peers, members, within_s)
        finally:
            peers.close()

    return asyncio.run(once())
