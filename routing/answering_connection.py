"""The end of a connection that answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

from kinelog.actors.answers import Answer
from kinelog.actors.errors import MailboxFullError, NotOwnerError, StoppingError
from kinelog.actors.tickets import size_of
from kinelog.observability.tracing import Span
from kinelog.routing import hop_traces
from kinelog.routing.answers import (
    AcceptedAnswer,
    Draining,
    ElsewhereAnswer,
    ErasedAnswer,
    FullAnswer,
    Pong,
    RefusedAnswer,
    Released,
    Reply,
    Status,
    UnavailableAnswer,
    message_of,
)
from kinelog.routing.batches import QUESTIONS, Unreadable
from kinelog.routing.connection import Connection
from kinelog.routing.errors import BrokenError, ChannelError, HandshakeError, MessageError, NotSentError, TooLargeError
from kinelog.routing.handshake import ServerHandshake, refusal_of
from kinelog.routing.own_node import OwnNode
from kinelog.routing.questions import ASK_TAG, Ask, AskStatus, Drain, Ping, Question, Release
from kinelog.routing.settings import ChannelSettings
from typing_extensions import override

_LOG = logging.getLogger(__name__)

SPEAKS = (AcceptedAnswer, RefusedAnswer, ErasedAnswer)
"""Answers that speak of what is in the log."""


class _Asked:
    """A question that the region has; costs less than a future, and calls back without a turn of the loop."""

    __slots__ = ("_connection", "_number", "_size", "_span")

    def __init__(self, connection: AnsweringConnection, number: int, size: int, span: Span | None) -> None:
        self._connection = connection
        self._number = number
        self._size = size
        self._span = span

    def done(self) -> bool:
        """Never: what is asked is counted until it is answered, whether anybody hears it or not."""
        return False

    def set_result(self, answer: Answer, /) -> None:
        """Pass it on."""
        if self._span is not None:
            self._span.end()
        self._connection.answered(self._number, self._size, answer)


class AnsweringConnection(Connection[Reply]):
    """Answers one node."""

    def __init__(
        self, settings: ChannelSettings, handshake: ServerHandshake, node: OwnNode,
        known: Callable[[AnsweringConnection], None], ended: Callable[[AnsweringConnection, ChannelError], None],
    ) -> None:  # fmt: skip
        """Make the end; `known` hears that the other side proved who it is, `ended` once that it is over."""
        super().__init__(settings, settings.answer_bytes, settings.question_bytes)
        self._handshake = handshake
        self._node = node
        self._known = known
        self._ended = ended
        self._asked = 0
        self._asked_bytes = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.open_send(self._handshake.challenge())

    @override
    def shake(self, payload: bytes) -> None:
        try:
            both, welcome = self._handshake.receive(payload)
        except HandshakeError as error:
            self.open_send(refusal_of(error))
            raise
        self.open_send(welcome)
        self.established(both)
        self._known(self)

    @override
    def take(self, payload: bytes) -> None:
        for question in QUESTIONS.decode(payload):
            if isinstance(question, Ask):
                self._ask(question)
            else:
                self._take_other(question)

    @override
    def leaving(self, messages: list[Reply]) -> list[Reply]:
        if self._node.speaks_for_its_shards():
            return messages
        # The region looked when it answered; since then this process may have stood still.
        wait_s = self.settings.refused_wait_s
        return [UnavailableAnswer(one.id, "lost", wait_s) if isinstance(one, SPEAKS) else one for one in messages]

    @override
    def oversized(self, message: Reply, error: TooLargeError) -> None:
        _LOG.warning("an answer to %s is not sent: %s", self.peer, error)
        self.say(UnavailableAnswer(message.id, "too-large", self.settings.refused_wait_s))

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self.hear_nothing()

    @override
    def resume_writing(self) -> None:
        self.hear_again()
        super().resume_writing()

    @override
    def tick(self) -> None:
        if self.waiting_bytes > self.settings.answer_bytes:
            self.end(BrokenError(f"{self.peer} does not take its answers"))

    @override
    def lost(self, error: ChannelError) -> None:
        self._ended(self, error)

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, question: Ask) -> None:
        size = size_of(question.command)
        settings = self.settings
        if self._asked >= settings.in_flight or (self._asked and self._asked_bytes + size > settings.in_flight_bytes):
            self.say(FullAnswer(question.id, -1, settings.refused_wait_s))
            return
        if question.within_ms <= 0:
            self.say(UnavailableAnswer(question.id, "expired", 0.0))
            return
        span = hop_traces.asked(question, self.peer or "")
        asked = _Asked(self, question.id, size, span)
        try:
            with nullcontext() if span is None else span.within():
                self._node.region.ask_for(asked, question.person, question.command)
        except MailboxFullError as full:
            hop_traces.failed(span, "mailbox-full")
            self.say(FullAnswer(question.id, full.shard, full.retry_after_s))
        except StoppingError:
            hop_traces.failed(span, "stopping")
            self.say(UnavailableAnswer(question.id, "stopping", settings.refused_wait_s))
        except NotOwnerError as elsewhere:
            hop_traces.failed(span, "not-owner")
            self._relay(question, elsewhere)
        else:
            self._asked += 1
            self._asked_bytes += size

    def answered(self, number: int, size: int, answer: Answer) -> None:
        """The region answers."""
        self._asked -= 1
        self._asked_bytes -= size
        if self.closed:
            return
        try:
            message = message_of(number, answer)
        except TypeError:
            _LOG.exception("an answer to %s cannot travel", self.peer)
            message = UnavailableAnswer(number, "defect", self.settings.refused_wait_s)
        self.say(message)

    def _relay(self, question: Ask, error: NotOwnerError) -> None:
        elsewhere = ElsewhereAnswer(question.id, error.shard, error.holder)
        try:
            passed_on = self._node.relay(question, error.holder)
        except MailboxFullError as full:
            self.say(FullAnswer(question.id, full.shard, full.retry_after_s))
            return
        if passed_on is None:
            self.say(elsewhere)
        else:
            passed_on.add_done_callback(partial(self._relayed, elsewhere))

    def _relayed(self, elsewhere: ElsewhereAnswer, future: asyncio.Future[Reply]) -> None:
        if self.closed or future.cancelled():
            return
        error = future.exception()
        if error is None:
            self.say(_renumbered(future.result(), elsewhere.id))
        elif isinstance(error, NotSentError):
            self.say(elsewhere)
        else:
            self.say(UnavailableAnswer(elsewhere.id, "outcome-unknown", self.settings.refused_wait_s))

    # ── everything else ──────────────────────────────────────────────────────────────────────────────────────────

    def _take_other(self, question: Question | Unreadable) -> None:
        if isinstance(question, Ping):
            self.say(Pong(question.id))
        elif isinstance(question, Release):
            self._release(question)
        elif isinstance(question, AskStatus):
            self.say(Status(question.id, self._node.status()))
        elif isinstance(question, Drain):
            self._node.drain()
            self.say(Draining(question.id))
        elif isinstance(question, Unreadable):
            self._not_understood(question)

    def _release(self, question: Release) -> None:
        _LOG.info("%s asks for shard %d", self.peer, question.shard)

        def done() -> None:
            self.say(Released(question.id))

        def done_on_any_thread() -> None:
            if not self.loop.is_closed():
                self.loop.call_soon_threadsafe(done)

        self._node.release(question.shard, done_on_any_thread)

    def _not_understood(self, question: Unreadable) -> None:
        if not question.kind.startswith(ASK_TAG):
            raise MessageError(f"a message of unknown kind {question.kind!a}: {question.why}")
        # A command of the next version, while nodes are replaced one by one: only that command is refused.
        _LOG.warning("%s asks what this node does not understand: %a: %s", self.peer, question.kind, question.why)
        self.say(UnavailableAnswer(question.id, "not-understood", self.settings.refused_wait_s))


def _renumbered(reply: Reply, number: int) -> Reply:
    # Struct fields by position, the number first: `msgspec.structs.replace` would name and check them all.
    kind = type(reply)
    return kind(number, *(getattr(reply, name) for name in kind.__struct_fields__[1:]))
