"""The end of a connection that asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from kinelog.routing.answers import Reply, UnavailableAnswer
from kinelog.routing.batches import ANSWERS, Unreadable
from kinelog.routing.connection import Connection
from kinelog.routing.errors import ChannelError, TooLargeError
from kinelog.routing.handshake import ClientHandshake, Established
from kinelog.routing.in_flight import InFlight
from kinelog.routing.questions import Ping, Question
from kinelog.routing.settings import ChannelSettings
from typing_extensions import override

_LOG = logging.getLogger(__name__)


class AskingConnection(Connection[Question]):
    """Asks one node. Questions may be put before it is connected."""

    def __init__(
        self, settings: ChannelSettings, handshake: ClientHandshake, ended: Callable[[ChannelError], None]
    ) -> None:
        """Make the end; `ended` hears once that the connection is over, or never came about."""
        super().__init__(settings, settings.question_bytes, settings.answer_bytes)
        self.known: asyncio.Future[None] = self.loop.create_future()
        self._handshake = handshake
        self._ended = ended
        self._in_flight = InFlight(settings)
        self._sweeping = False

    @property
    def in_flight(self) -> int:
        """Questions that are not answered yet."""
        return len(self._in_flight)

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of the questions that are not answered yet."""
        return self._in_flight.size

    def ask(
        self, question_of: Callable[[int], Question], shard: int, size: int, within_s: float
    ) -> asyncio.Future[Reply]:
        """Ask a question.

        Args:
            question_of: Makes it from its number.
            shard: Which shard it is about; named when there is no room.
            size: What it counts, bytes.
            within_s: When whoever waits is told that the outcome is unknown.

        Raises:
            MailboxFullError: Too much is on its way to this node.
        """
        loop = self.loop
        future: asyncio.Future[Reply] = loop.create_future()
        untaken = self.waiting_bytes if self.congested else 0
        number = self._in_flight.add(future, shard, size, untaken, loop.time() + within_s)
        self.say(question_of(number))
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(self.settings.sweep_s, self._sweep)
        return future

    @override
    def shake(self, payload: bytes) -> None:
        step = self._handshake.receive(payload)
        if not isinstance(step, Established):
            self.open_send(step)
            return
        self.established(step)
        if not self.known.done():
            self.known.set_result(None)

    @override
    def take(self, payload: bytes) -> None:
        in_flight = self._in_flight
        for message in ANSWERS.decode(payload):
            if isinstance(message, Unreadable):
                _LOG.warning("%s answers what this node does not understand: %r", self.peer, message.kind)
                in_flight.answered(message.id, UnavailableAnswer(message.id, "not-understood", 1.0))
            else:
                in_flight.answered(message.id, message)

    @override
    def leaving(self, messages: list[Question]) -> list[Question]:
        wanted = self._in_flight.still_wanted(messages)
        if wanted:
            self._in_flight.sent(wanted)
        return wanted

    @override
    def oversized(self, message: Question, error: TooLargeError) -> None:
        _LOG.warning("a question to %s is not sent: %s", self.peer, error)
        self._in_flight.answered(message.id, UnavailableAnswer(message.id, "too-large", 1.0))

    @override
    def tick(self) -> None:
        self.say(Ping(0))

    @override
    def lost(self, error: ChannelError) -> None:
        if not self.known.done():
            self.known.set_exception(error)
            self.known.exception()  # looked at here: who connects may have given up
        self._in_flight.fail(str(error))
        self._ended(error)

    def _sweep(self) -> None:
        self._sweeping = False
        if self.closed:
            return
        self._in_flight.sweep(self.loop.time())
        # What nobody waits for any more must not lie here until a slow network takes it.
        self.outbox[:] = self._in_flight.still_wanted(self.outbox)
        if self._in_flight:
            self._sweeping = True
            self.loop.call_later(self.settings.sweep_s, self._sweep)
