"""Gives this node's shards to nodes that reach the log while it does not, and takes them back when it does again.

Whoever is cut off from the store and not from the coordinator would otherwise keep its shards, and nobody could be
answered for them. It only lets go where another node says that it reaches the log: when the store is away for all,
nothing moves. What it still tries to write after that the journal's epochs refuse, as ever.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Awaitable, Callable

from kinelog.journal.errors import JournalError
from kinelog.journal.port import Journal
from kinelog.service.store_reach import StoreReach

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""One read a second and node; never more often than a third of what counts as away."""

THREAD = "kinelog-store-watch"
Clock = Callable[[], float]


class StoreWatch:
    """Looks at the log on a thread of its own, since a look may hang; decides on the event loop."""

    def __init__(
        self,
        journal: Journal,
        away_s: float,
        somebody_reaches_it: Callable[[], Awaitable[bool]],
        gives_away: Callable[[bool], None],
        clock: Clock = time.monotonic,
    ) -> None:
        """Watch; call on the event loop.

        Args:
            journal: Each look is one read of a shard's head, of all shards in turn.
            away_s: For so long every look must fail before shards are given away, or be answered before they come back.
            somebody_reaches_it: Whether another node could take the shards and reaches the log.
            gives_away: Called when this node is to own nothing (True), and when it may again.
            clock: Monotonic seconds.
        """
        self._journal = journal
        self._away_s = away_s
        self._somebody_reaches_it = somebody_reaches_it
        self._gives_away = gives_away
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._reach = StoreReach()
        self._given_away = False
        self._deciding: asyncio.Task[None] | None = None
        self._ending = threading.Event()
        # A daemon: a look that hangs holds up nobody who wants to end.
        self._thread = threading.Thread(target=self._watch, name=THREAD, daemon=True)

    @property
    def answers(self) -> bool | None:
        """Whether the log answered last; None before it was looked at. From any thread."""
        return self._reach.answers

    @property
    def given_away(self) -> bool:
        """Whether this node owns nothing, since it does not reach the log."""
        return self._given_away

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Decide nothing any more; on the event loop. A look that is under way is not waited for."""
        self._ending.set()
        if self._deciding is not None:
            self._deciding.cancel()

    def _watch(self) -> None:
        for shard in itertools.cycle(range(self._journal.shards)):
            asked_s = self._clock()
            answered = self._look(shard)
            if self._ending.is_set() or self._loop.is_closed():
                return
            self._reach = self._reach.heard(asked_s, answered=answered)
            self._loop.call_soon_threadsafe(self._decide)
            if self._ending.wait(min(LOOK_EVERY_S, self._away_s / 3)):
                return

    def _look(self, shard: int) -> bool:
        try:
            self._journal.head(shard)
        except JournalError as error:
            if self._reach.answers is not False:
                logger.warning("the log does not answer: %s", error)
            return False
        return True

    def _decide(self) -> None:
        if not self._ending.is_set() and (self._deciding is None or self._deciding.done()):
            self._deciding = self._loop.create_task(self._decided())

    async def _decided(self) -> None:
        now_s = self._clock()
        if self._given_away:
            if self._reach.back(now_s, self._away_s):
                logger.info("the log answers again: this node takes its shards back")
                self._give_away(away=False)
        elif self._reach.away(now_s, self._away_s) and await self._somebody_reaches_it():
            logger.warning("this node does not reach the log, others do: they take over its shards")
            self._give_away(away=True)

    def _give_away(self, *, away: bool) -> None:
        self._given_away = away
        self._gives_away(away)
