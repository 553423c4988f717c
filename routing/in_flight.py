"""Questions to one node that are not answered yet: bounded in number and bytes, each with its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kinelog.actors.errors import MailboxFullError
from kinelog.routing.answers import Reply, UnavailableAnswer
from kinelog.routing.errors import NotSentError
from kinelog.routing.settings import ChannelSettings


class Waiting:
    """Somebody who waits for an answer."""

    __slots__ = ("deadline", "future", "sent", "size")

    def __init__(self, future: asyncio.Future[Reply], size: int, deadline: float) -> None:
        self.future = future
        self.size = size
        self.deadline = deadline
        self.sent = False


class InFlight:
    """Who waits for what, on one connection."""

    def __init__(self, settings: ChannelSettings) -> None:
        """Nobody waits."""
        self._settings = settings
        self._waiting: dict[int, Waiting] = {}
        self._bytes = 0
        self._last = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, number: int) -> bool:
        return number in self._waiting

    def require_room(self, shard: int, size: int, untaken_bytes: int) -> None:
        """Refuse what would be too much.

        Args:
            shard: Named in the error.
            size: Bytes of the question.
            untaken_bytes: What of earlier questions still lies in this process, whether anybody waits for it or not.

        Raises:
            MailboxFullError: Too much is on its way.
        """
        # One is always let in, or a question larger than the bound could never be asked at all.
        full = self._bytes + untaken_bytes + size > self._settings.in_flight_bytes and self._waiting
        if full or len(self._waiting) >= self._settings.in_flight:
            raise MailboxFullError(shard, self._settings.refused_wait_s)

    def add(self, future: asyncio.Future[Reply], size: int, deadline: float) -> int:
        """Somebody waits: the number of their question."""
        self._last += 1
        self._waiting[self._last] = Waiting(future, size, deadline)
        self._bytes += size
        return self._last

    def leaving(self, number: int) -> bool:
        """A question is about to be sent; whether anybody still waits for it."""
        waiting = self._waiting.get(number)
        if waiting is None:
            return False
        if waiting.future.done():  # whoever asked gave up
            self._remove(number)
            return False
        waiting.sent = True
        return True

    def answered(self, number: int, reply: Reply) -> None:
        """An answer came; of those that come too late nobody hears."""
        waiting = self._remove(number)
        if waiting is not None and not waiting.future.done():
            waiting.future.set_result(reply)

    def sweep(self, now: float) -> None:
        """Answer whose deadline is over, forget who gave up."""
        over = [number for number, waiting in self._waiting.items() if waiting.deadline <= now or waiting.future.done()]
        for number in over:
            waiting = self._waiting[number]
            if waiting.sent:
                self.answered(number, UnavailableAnswer(number, "outcome-unknown", self._settings.refused_wait_s))
            else:
                self._fail(number, NotSentError("the connection took nothing before the deadline"))

    def fail(self, error_of: Callable[[bool], Exception]) -> None:
        """Nobody will be answered; the error may depend on whether the question was sent."""
        for number in tuple(self._waiting):
            self._fail(number, error_of(self._waiting[number].sent))

    def _fail(self, number: int, error: Exception) -> None:
        waiting = self._remove(number)
        if waiting is not None and not waiting.future.done():
            waiting.future.set_exception(error)

    def _remove(self, number: int) -> Waiting | None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            self._bytes -= waiting.size
        return waiting
