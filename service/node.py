"""A serving process as its parts see it: who decides commands, which shards are its own, how it comes and goes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from kinelog.actors.asking import Asks
from kinelog.actors.region import Region
from typing_extensions import override

Heard = Callable[[], None]


class Node(ABC):
    """Alone, or one of a group.

    Attributes:
        asks: Has commands decided, wherever their shard lives.
    """

    asks: Asks

    @abstractmethod
    def tells(self, moved: Heard, news: Callable[[str], None]) -> None:
        """Before the start: say what to call when shards come or go, and with whom there is something to be told.

        Args:
            moved: Other shards than before are this node's. On the event loop.
            news: A tenant whose shard is ours was announced something, or is told elsewhere. On the event loop.
        """

    @abstractmethod
    def owns(self, shard: int) -> bool:
        """Whether a shard should be this node's, as the newest view says: for what does no harm where two think so."""

    @abstractmethod
    async def start(self) -> None:
        """Come: serve what is ours from now on; commands for the rest go to whose it is."""

    @abstractmethod
    async def drain(self, within_s: float, hurry: asyncio.Event) -> None:
        """Have others take over everything that is ours, while requests are answered as ever.

        Args:
            within_s: At most so long.
            hurry: Set where nobody wants to wait any more.
        """

    @abstractmethod
    async def stop(self, within_s: float) -> None:
        """Go: finish what is in the mailboxes, save snapshots, leave."""


class LonelyNode(Node):
    """The only one that serves: every shard is its own, and there is nobody to hand over to."""

    def __init__(self, region: Region) -> None:
        """Over a region that has all shards."""
        self.asks = region
        self._region = region

    @override
    def tells(self, moved: Heard, news: Callable[[str], None]) -> None:
        """Nothing moves, and who has news says so itself."""

    @override
    def owns(self, shard: int) -> bool:
        return True

    @override
    async def start(self) -> None:
        self._region.start()

    @override
    async def drain(self, within_s: float, hurry: asyncio.Event) -> None:
        """There is nobody to hand over to."""

    @override
    async def stop(self, within_s: float) -> None:
        await asyncio.to_thread(self._region.stop, within_s)
