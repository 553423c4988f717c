"""Between event loops and shard threads: commands and answers cross in batches, and a batch wakes the other side once.

Awaiting a pykka future would block the loop, so nothing here is ever awaited but plain asyncio futures.

Under one interpreter lock a thread that is woken early does not start early: it takes the lock from the waker at its
next system call, which then waits for it, and so on for each request. So the loop wakes shards only after it has done
all that was ready, and a shard's thread wakes the loop only after it has served every shard that was ready.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from kinelog.actors.answers import Answer
from kinelog.actors.lease import Lease

_LOG = logging.getLogger(__name__)


class Awaited(Protocol):
    """Where an answer goes, on its event loop: a future, or what costs less where nobody awaits."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        ...

    def set_result(self, answer: Answer, /) -> None:
        """Take the answer. Must not raise: others of the same batch come after it."""
        ...


Batch = list[tuple[Awaited, Answer]]


class LoopBridge:
    """Delivers answers to futures of one event loop, and wake-ups to the shards that it gave commands to."""

    __slots__ = ("_batches", "_lease", "_to_wake", "_woken", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, lease: Lease) -> None:
        self.loop = loop
        self._lease = lease
        self._batches: deque[Batch] = deque()
        self._woken = False
        self._to_wake: list[Callable[[], None]] = []

    def wake_soon(self, wake: Callable[[], None]) -> None:
        """Wake a shard once the loop has handled what is ready now; call on the loop."""
        if not self._to_wake:
            self.loop.call_soon(self._wake_shards)
        self._to_wake.append(wake)

    def _wake_shards(self) -> None:
        to_wake, self._to_wake = self._to_wake, []
        for wake in to_wake:
            wake()

    def add(self, batch: Batch) -> None:
        """Lay answers ready, from any thread; `wake` must follow."""
        self._batches.append(batch)

    def wake(self) -> None:
        """Have the loop take what lies ready, from any thread; calls while a wake-up is on its way share it."""
        # `add` came first: `_flush` lowers the flag before it empties the deque, so either it finds that batch or we
        # find the flag lowered. The other way round a batch could be left lying.
        if self._woken:
            return
        self._woken = True
        try:
            self.loop.call_soon_threadsafe(self._flush)
        except RuntimeError:
            # The loop is closed: whoever waited there is gone, and what they asked for is in the log or is not.
            self._batches.clear()
            _LOG.debug("an event loop closed before its answers came")

    def _flush(self) -> None:
        self._woken = False
        batches = self._batches
        while batches:
            # Here and not on the shard's thread: nothing is later, and a process may stand still anywhere before.
            for future, answer in self._lease.allowed(batches.popleft()):
                if not future.done():  # done: whoever asked gave up
                    future.set_result(answer)


class LoopBridges:
    """The bridge of each event loop that asks."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._bridges: dict[asyncio.AbstractEventLoop, LoopBridge] = {}

    def of(self, loop: asyncio.AbstractEventLoop) -> LoopBridge:
        """The loop's bridge; call on that loop."""
        bridge = self._bridges.get(loop)
        if bridge is None:
            open_ones = {known: bridge for known, bridge in self._bridges.items() if not known.is_closed()}
            bridge = open_ones[loop] = LoopBridge(loop, self._lease)
            self._bridges = open_ones
        return bridge
