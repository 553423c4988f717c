"""Asks the owner of a shard to let it go, over the channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from kinelog.actors.errors import MailboxFullError
from kinelog.actors.membership.port import Member
from kinelog.routing.answers import Released, Reply
from kinelog.routing.errors import ChannelError
from kinelog.routing.peers import Peers

_LOG = logging.getLogger(__name__)


class ChannelHandOver:
    """What `ShardMoves` asks former owners through; on any thread."""

    def __init__(self, peers: Peers, loop: asyncio.AbstractEventLoop) -> None:
        """Over the connections of `peers`, which live on `loop`."""
        self._peers = peers
        self._loop = loop

    def release(self, member: Member, shard: int, within_s: float, answered: Callable[[bool], None]) -> None:
        """Have a member let a shard go.

        Args:
            member: Who serves it, as far as we know.
            shard: Which.
            within_s: After this long the answer is no.
            answered: Called once, on any thread: whether it let go, or never had it. The fence makes a no harmless.
        """
        try:
            self._loop.call_soon_threadsafe(self._release, member, shard, within_s, answered)
        except RuntimeError:  # the loop is closed: this process is going away
            answered(False)  # noqa: FBT003 - the whole answer

    def _release(self, member: Member, shard: int, within_s: float, answered: Callable[[bool], None]) -> None:
        def replied(future: asyncio.Future[Reply]) -> None:
            error = None if future.cancelled() else future.exception()
            let_go = error is None and not future.cancelled() and isinstance(future.result(), Released)
            if not let_go:
                _LOG.info("%s did not let go of shard %d: %s", member.name, shard, error or "no answer in time")
            answered(let_go)

        try:
            self._peers.release(member, shard, within_s).add_done_callback(replied)
        except (ChannelError, MailboxFullError) as error:
            _LOG.info("%s cannot be asked for shard %d: %s", member.name, shard, error)
            answered(False)  # noqa: FBT003 - the whole answer
