"""Asks the node that owns a person's shard: this one, or another over the channel; again where that is safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from kinelog.actors.answers import Answer, Unavailable
from kinelog.actors.errors import MailboxFullError, NotOwnerError, StoppingError
from kinelog.actors.membership.port import Membership, View
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person, shard_of
from kinelog.routing import hop_traces
from kinelog.routing.answers import ElsewhereAnswer, FullAnswer, Reply, answer_of
from kinelog.routing.errors import BrokenError, NotSentError
from kinelog.routing.forwarding_counts import BROKEN, FULL, ForwardingCounts
from kinelog.routing.forwarding_counts import UNREACHABLE as UNREACHED
from kinelog.routing.metrics import COLLECTOR
from kinelog.routing.own_node import OwnRegion
from kinelog.routing.owner_table import OwnerTable
from kinelog.routing.peer import ChannelStatus
from kinelog.routing.peers import Peers
from kinelog.routing.questions import MOST_HOPS, Ask
from kinelog.routing.repeating import NOTHING_STORED, UNKNOWN_REASONS, UNREACHABLE, may_repeat, pauses

MOVED = Unavailable("moved", 0.1)
NOBODY = Unavailable(UNREACHABLE, 0.5)
STOPPING = Unavailable("stopping", 1.0)
UNKNOWN = Unavailable("outcome-unknown", 1.0)

FAILURES = {NotSentError: UNREACHED, BrokenError: BROKEN, MailboxFullError: FULL}
"""What questions come to that nobody answers."""

HOP_S = 0.005
"""What a hop itself is taken to cost: whoever passes a question on has so much less time than who asked."""

OUTSIDE_S = 1.0
"""While this node is not in the group nobody waits longer than this: it may take long until it comes back."""


class Router:
    """Implements `actors.asking.Asks` over all nodes. On one event loop, but for `seen`."""

    def __init__(
        self, region: OwnRegion, membership: Membership, shards: int, peers: Peers, answer_s: float,
        *, cut_off: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """Make a router; call on the event loop.

        Args:
            region: The shards of this process.
            membership: Says who is there.
            shards: Of the log.
            peers: The other nodes.
            answer_s: Whoever asks gets an answer after this long at most.
            cut_off: Whether this node does not reach what it answers reads from, although commands find their owner.
        """
        self._region = region
        self._membership = membership
        self._shards = shards
        self._peers = peers
        self._answer_s = answer_s
        self._cut_off = cut_off
        self._table = OwnerTable(membership, shards)
        self._loop = asyncio.get_running_loop()
        COLLECTOR.routers.add(self)
        self.counts = ForwardingCounts()
        self._pausing: set[asyncio.Future[None]] = set()

    async def ask(self, person: Person, command: Command) -> Answer:
        """Have a command decided by whoever owns the person's shard.

        Raises:
            MailboxFullError: Too much waits, here, on the way or at the owner (429).
        """
        deadline = time.monotonic() + self._answer_s
        shard = shard_of(person, self._shards)
        owner = self._table.owner(shard)
        answer, holder = await self._attempt(person, command, shard, owner, self._answer_s, 0)
        if type(answer) is not Unavailable:
            return answer
        return await self._again(person, command, answer, holder, deadline)

    @property
    def forwarded(self) -> int:
        """Commands that were put to other nodes so far."""
        return self._peers.forwarded

    def ready(self) -> bool:
        """Whether this node is a member, answers for all shards that are its own, and is not cut off."""
        return self._membership.view().joined and self._region.ready() and not self._cut_off()

    def channels(self) -> list[ChannelStatus]:
        """How the channels to other nodes are; from any thread."""
        return self._peers.channels()

    def seen(self, view: View) -> None:
        """A new view: whoever waits looks at once whom to ask; on any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._look_again, view)

    def relay(self, question: Ask, holder: str | None) -> asyncio.Future[Reply] | None:
        """Pass a question of another node on, one hop further: it knew less than we do.

        Args:
            question: As it came.
            holder: Who still serves the shard, if our region knows.

        Returns:
            The answer's future; None where it came too far already, or we know nobody better.

        Raises:
            MailboxFullError: Too much is on its way to that node.
        """
        if question.hops >= MOST_HOPS:
            return None
        shard = shard_of(question.person, self._shards)
        owner = holder or self._table.owner(shard)
        if owner is None or self._table.is_me(owner):
            return None
        within_s = question.within_ms / 1_000 - HOP_S
        try:
            return self._send(
                question.person, question.command, shard, owner, within_s, question.hops + 1, 0, question.trace
            )
        except NotSentError:
            return None

    # ── one attempt ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _attempt(
        self, person: Person, command: Command, shard: int, owner: str | None, within_s: float, number: int
    ) -> tuple[Answer, str | None]:
        """Ask once; the answer, and who still holds the shard where that was told."""
        if owner is None:
            return NOBODY, None
        if self._table.is_me(owner):
            return await self._ask_here(person, command)
        try:
            reply = await self._ask_there(person, command, shard, owner, within_s, number)
        except NotSentError:
            return NOBODY, None
        except BrokenError:
            return UNKNOWN, None
        if isinstance(reply, FullAnswer):
            raise MailboxFullError(shard, reply.retry_after_s)
        if isinstance(reply, ElsewhereAnswer):
            return MOVED, reply.holder
        return answer_of(reply) or UNKNOWN, None

    async def _ask_there(
        self, person: Person, command: Command, shard: int, owner: str, within_s: float, number: int
    ) -> Reply:
        span = hop_traces.asking(owner, shard, number)
        trace = None if span is None else span.traceparent
        try:
            reply = await self._send(person, command, shard, owner, within_s, 1, number, trace)
        except (NotSentError, BrokenError, MailboxFullError) as error:
            outcome = next(name for kind, name in FAILURES.items() if isinstance(error, kind))
            self.counts.failed(outcome)
            if span is not None:
                span.failed(outcome)
            raise
        finally:
            if span is not None:
                span.end()
        self.counts.replied(reply)
        return reply

    async def _ask_here(self, person: Person, command: Command) -> tuple[Answer, str | None]:
        future: asyncio.Future[Answer] = self._loop.create_future()
        try:
            self._region.ask_for(future, person, command)
            return await future, None
        except NotOwnerError as elsewhere:
            return MOVED, elsewhere.holder
        except StoppingError:
            return STOPPING, None

    def _send(
        self, person: Person, command: Command, shard: int, owner: str, within_s: float, hops: int, number: int = 0,
        trace: str | None = None,
    ) -> asyncio.Future[Reply]:  # fmt: skip
        member = self._table.addressed(owner, number)
        if member is None or within_s <= 0:
            raise NotSentError(f"node {owner} has no address, or there is no time left")
        return self._peers.ask(member, person, command, shard=shard, within_s=within_s, hops=hops, trace=trace)

    # ── again ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _again(
        self, person: Person, command: Command, answer: Unavailable, holder: str | None, deadline: float
    ) -> Answer:
        shard = shard_of(person, self._shards)
        stored_perhaps = False
        told = False  # whether the last attempt already went to whom we were told
        out_until = time.monotonic() + OUTSIDE_S
        for number, pause_s in enumerate(pauses(), 1):
            stored_perhaps = stored_perhaps or answer.reason in UNKNOWN_REASONS
            if not self._membership.view().joined:
                deadline = min(deadline, out_until)
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self._worth_repeating(command, answer):
                break
            if holder is None or told:
                await self._pause(min(pause_s, left_s))
            told = holder is not None
            self.counts.repeated += 1
            owner = holder or self._table.owner(shard)
            left_s = deadline - time.monotonic()
            new, holder = await self._attempt(person, command, shard, owner, left_s, number)
            if type(new) is not Unavailable:
                return new
            answer = new
        return UNKNOWN if stored_perhaps and answer.reason in NOTHING_STORED else answer

    def _worth_repeating(self, command: Command, answer: Unavailable) -> bool:
        if answer is STOPPING and self._table.alone:
            return False
        return may_repeat(command, answer.reason)

    async def _pause(self, seconds: float) -> None:
        """Wait, or until the view changes."""
        over: asyncio.Future[None] = self._loop.create_future()
        self._pausing.add(over)
        timer = self._loop.call_later(seconds, _let_go, over)
        try:
            await over
        finally:
            timer.cancel()
            self._pausing.discard(over)

    def _look_again(self, view: View) -> None:
        if view.joined:
            self._peers.keep(view.members)
        for over in tuple(self._pausing):
            _let_go(over)


def _let_go(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
