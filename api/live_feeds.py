"""The live stream's source: one poller per gym that somebody watches, however many do."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.read_side import ReadSide
from kinelog.projections.rows import LiveRow

logger = logging.getLogger(__name__)

BATCH = 256


@dataclass(slots=True, eq=False)
class Watcher:
    """One client of a feed: entries wait here until it takes them.

    Attributes:
        overflowed: It was too slow: entries were lost, so the stream must end, and be resumed by its last event.
    """

    capacity: int
    waiting: deque[LiveRow] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    overflowed: bool = False

    def offer(self, rows: list[LiveRow]) -> None:
        """Hand entries over; never blocks the poller."""
        if len(self.waiting) + len(rows) > self.capacity:
            self.overflowed = True
            self.waiting.clear()
        if not self.overflowed:
            self.waiting.extend(rows)
        self.news.set()

    def take(self) -> list[LiveRow]:
        """All entries that wait."""
        rows = list(self.waiting)
        self.waiting.clear()
        self.news.clear()
        return rows


@dataclass(slots=True)
class _Feed:
    watchers: set[Watcher] = field(default_factory=set)
    position: dict[int, int] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None
    readable: bool = True


class LiveFeeds:
    """Feeds by tenant and gym; a feed lives while somebody watches it."""

    def __init__(self, read_side: ReadSide, poll_s: float, capacity: int) -> None:
        """Poll `read_side` every `poll_s`; let each watcher fall `capacity` entries behind."""
        self._read_side = read_side
        self._poll_s = poll_s
        self._capacity = capacity
        self._feeds: dict[tuple[str, str], _Feed] = {}

    @property
    def pollers(self) -> int:
        """How many gyms are being polled."""
        return len(self._feeds)

    async def watch(self, tenant: str, gym: str, from_positions: dict[int, int]) -> Watcher:
        """Start to watch a gym: every entry behind `from_positions` comes, some perhaps twice."""
        feed = self._feeds.get((tenant, gym))
        if feed is None:
            feed = _Feed(position=dict(from_positions))
            self._feeds[tenant, gym] = feed
        watcher = Watcher(self._capacity)
        feed.watchers.add(watcher)
        if feed.task is None:
            feed.task = asyncio.get_running_loop().create_task(self._poll(tenant, gym, feed))
        return watcher

    async def unwatch(self, tenant: str, gym: str, watcher: Watcher) -> None:
        """Stop watching; the last one ends the feed."""
        feed = self._feeds.get((tenant, gym))
        if feed is None:
            return
        feed.watchers.discard(watcher)
        if not feed.watchers:
            del self._feeds[tenant, gym]
            await _cancel(feed.task)

    async def entries(self, tenant: str, gym: str, after: dict[int, int]) -> list[LiveRow]:
        """Entries behind a position, as many as one answer takes: what a watcher catches up with."""
        return await asyncio.to_thread(self._read_side.live, tenant, gym, after, BATCH)

    async def close(self) -> None:
        """End all feeds."""
        feeds = list(self._feeds.values())
        self._feeds.clear()
        for feed in feeds:
            await _cancel(feed.task)

    async def _poll(self, tenant: str, gym: str, feed: _Feed) -> None:
        while True:
            rows = await self._rows(tenant, gym, feed)
            for row in rows:
                feed.position[row.shard] = max(row.position, feed.position.get(row.shard, 0))
            if rows:
                for watcher in feed.watchers:
                    watcher.offer(rows)
            if len(rows) < BATCH:
                await asyncio.sleep(self._poll_s)

    async def _rows(self, tenant: str, gym: str, feed: _Feed) -> list[LiveRow]:
        # Whatever a store raises: the watchers keep their place, and the next round may succeed. It is told once: a
        # store that is away for long must not fill the log with what everything else says as well.
        try:
            rows = await self.entries(tenant, gym, feed.position)
        except ViewsUnavailableError as error:
            if feed.readable:
                logger.warning("the live stream of a gym cannot be read now: %s", error)
            feed.readable = False
            return []
        except Exception:
            if feed.readable:
                logger.exception("the live stream of a gym could not be read")
            feed.readable = False
            return []
        feed.readable = True
        return rows


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def behind(row: LiveRow, positions: dict[int, int]) -> bool:
    """Whether an entry lies behind these positions, that is, is new to whoever is there."""
    return row.position > positions.get(row.shard, 0)
