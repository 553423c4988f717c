"""Questions to one node that are not answered yet: bounded in number and bytes, each with its deadline."""

from __future__ import annotations

import asyncio

from kinelog.actors.errors import MailboxFullError
from kinelog.routing.answers import Reply, UnavailableAnswer
from kinelog.routing.errors import BrokenError, NotSentError
from kinelog.routing.questions import Question
from kinelog.routing.settings import ChannelSettings

Waiting = tuple[asyncio.Future[Reply], int, float]
"""Whom to answer, what the question counts (bytes), and until when (the event loop's clock)."""


class InFlight:
    """Who waits for what, on one connection. Questions are numbered from 1, and leave in that order."""

    def __init__(self, settings: ChannelSettings) -> None:
        """Nobody waits."""
        self._settings = settings
        self._waiting: dict[int, Waiting] = {}
        self._bytes = 0
        self._last = 0
        self._sent = 0  # the highest number that was handed to the network

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size(self) -> int:
        """Bytes of what is waited for."""
        return self._bytes

    def add(self, future: asyncio.Future[Reply], shard: int, size: int, untaken_bytes: int, deadline: float) -> int:
        """Somebody waits: the number of their question.

        Args:
            future: Whom to answer.
            shard: Named where there is no room.
            size: Bytes of the question.
            untaken_bytes: What of earlier questions still lies in this process, whether anybody waits for it or not.
            deadline: On the event loop's clock.

        Raises:
            MailboxFullError: Too much is on its way.
        """
        waiting, settings = self._waiting, self._settings
        # One is always let in, or a question larger than the bound could never be asked at all.
        full = self._bytes + untaken_bytes + size > settings.in_flight_bytes and waiting
        if full or len(waiting) >= settings.in_flight:
            raise MailboxFullError(shard, settings.refused_wait_s)
        self._last += 1
        waiting[self._last] = (future, size, deadline)
        self._bytes += size
        return self._last

    def still_wanted(self, questions: list[Question]) -> list[Question]:
        """Those of the questions for which somebody waits, and pings, which are number 0."""
        waiting = self._waiting
        return [question for question in questions if question.id in waiting or not question.id]

    def sent(self, questions: list[Question]) -> None:
        """These were handed to the network: from here on they may have arrived."""
        self._sent = max(self._sent, *(question.id for question in questions))

    def answered(self, number: int, reply: Reply) -> None:
        """An answer came; of those that come too late nobody hears."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            future, size, _ = waiting
            self._bytes -= size
            if not future.done():
                future.set_result(reply)

    def sweep(self, now: float) -> None:
        """Answer whose deadline is over, forget who gave up."""
        over = [number for number, (future, _, deadline) in self._waiting.items() if deadline <= now or future.done()]
        for number in over:
            if number <= self._sent:
                self.answered(number, UnavailableAnswer(number, "outcome-unknown", self._settings.refused_wait_s))
            else:
                self._fail(number, NotSentError("the connection took nothing before the deadline"))

    def fail(self, words: str) -> None:
        """Nobody will be answered: `BrokenError` for what may have arrived, `NotSentError` for the rest."""
        for number in tuple(self._waiting):
            self._fail(number, BrokenError(words) if number <= self._sent else NotSentError(words))

    def _fail(self, number: int, error: Exception) -> None:
        future, size, _ = self._waiting.pop(number)
        self._bytes -= size
        if not future.done():
            future.set_exception(error)
