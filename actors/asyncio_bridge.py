"""From shard threads to an event loop: answers come in batches, and a batch wakes the loop at most once.

Awaiting a pykka future would block the loop, so nothing here is ever awaited but plain asyncio futures.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from kinelog.actors.answers import Answer

_LOG = logging.getLogger(__name__)

Batch = list[tuple[asyncio.Future[Answer], Answer]]


class LoopBridge:
    """Delivers answers to futures of one event loop."""

    __slots__ = ("_batches", "_woken", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._batches: deque[Batch] = deque()
        self._woken = False

    def deliver(self, batch: Batch) -> None:
        """Hand answers over, from any thread; drains that end while a wake-up is on its way share it."""
        # Append first, look second: `_flush` lowers the flag before it empties the deque, so either it finds this
        # batch or we find the flag lowered. The other way round a batch could be left lying.
        self._batches.append(batch)
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
            for future, answer in batches.popleft():
                if not future.done():  # done: whoever asked gave up
                    future.set_result(answer)


class LoopBridges:
    """The bridge of each event loop that asks."""

    def __init__(self) -> None:
        self._bridges: dict[asyncio.AbstractEventLoop, LoopBridge] = {}

    def of(self, loop: asyncio.AbstractEventLoop) -> LoopBridge:
        """The loop's bridge; call on that loop."""
        bridge = self._bridges.get(loop)
        if bridge is None:
            open_ones = {known: bridge for known, bridge in self._bridges.items() if not known.is_closed()}
            bridge = open_ones[loop] = LoopBridge(loop)
            self._bridges = open_ones
        return bridge
