"""A node that does not reach the log owns nothing while others do, and takes back what is its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from kinelog.journal.errors import UnavailableError
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.service.store_watch import THREAD, StoreWatch
from typing_extensions import override

AWAY_S = 0.03
"""Looks come three times as often; what counts as long is said by the clock that a test moves on."""


class Reached(MemoryJournal):
    """Answers unless it is cut off, and counts who looked."""

    def __init__(self) -> None:
        super().__init__(4)
        self.cut_off = False
        self.looked: list[int] = []

    @override
    def head(self, shard: int) -> int:
        self.looked.append(shard)
        if self.cut_off:
            raise UnavailableError("cut off")
        return super().head(shard)


@dataclass
class World:
    """A watch, and what it stands on."""

    journal: Reached
    now_s: float = 100.0
    others_reach: bool = True
    asked: int = 0
    told: list[bool] = field(default_factory=list)

    async def others(self) -> bool:
        self.asked += 1
        return self.others_reach

    async def looks(self, more: int = 3) -> None:
        """Until it was looked so often again, and decided upon."""
        wanted = len(self.journal.looked) + more
        await until(lambda: len(self.journal.looked) >= wanted)

    async def passes(self) -> None:
        """As long as counts, with looks before and after."""
        await self.looks()
        self.now_s += 2 * AWAY_S
        await self.looks()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for raises no event
            await asyncio.sleep(0.001)


def watched(scenario: Callable[[World, StoreWatch], Awaitable[None]]) -> None:
    async def whole() -> None:
        world = World(Reached())
        watch = StoreWatch(world.journal, AWAY_S, world.others, world.told.append, lambda: world.now_s)
        watch.start()
        try:
            await scenario(world, watch)
        finally:
            watch.stop()

    asyncio.run(whole())


def test_who_is_cut_off_gives_its_shards_away_once_and_takes_them_back_once() -> None:
    async def scenario(world: World, watch: StoreWatch) -> None:
        await world.passes()
        assert (watch.answers, watch.given_away, world.told) == (True, False, [])
        world.journal.cut_off = True
        await until(lambda: watch.answers is False)
        await world.looks()
        assert world.told == [], "not at once"
        await world.passes()
        await until(lambda: world.told == [True] and watch.given_away)
        await world.passes()
        world.journal.cut_off = False
        await until(lambda: watch.answers is True)
        await world.looks()
        assert world.told == [True], "not at once either"
        await world.passes()
        await until(lambda: world.told == [True, False] and not watch.given_away)
        assert set(world.journal.looked) == {0, 1, 2, 3}

    watched(scenario)


def test_nothing_moves_while_nobody_else_reaches_it_and_all_does_as_soon_as_somebody_says_so() -> None:
    async def scenario(world: World, watch: StoreWatch) -> None:
        world.others_reach = False
        world.journal.cut_off = True
        await until(lambda: watch.answers is False)
        await world.passes()
        await until(lambda: world.asked >= 3)
        assert world.told == []
        world.others_reach = True
        await until(lambda: world.told == [True])

    watched(scenario)


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    async def scenario(world: World, watch: StoreWatch) -> None:
        for _ in range(3):
            world.journal.cut_off = True
            await until(lambda: watch.answers is False)
            world.now_s += 0.9 * AWAY_S
            await world.looks()
            world.journal.cut_off = False
            await until(lambda: watch.answers is True)
        assert (world.told, world.asked) == ([], 0)

    watched(scenario)


def test_who_was_stopped_decides_nothing_any_more() -> None:
    async def scenario(world: World, watch: StoreWatch) -> None:
        world.journal.cut_off = True
        await until(lambda: watch.answers is False)
        watch.stop()
        world.now_s += 2 * AWAY_S
        await until(lambda: not any(each.name == THREAD for each in threading.enumerate()))
        await asyncio.sleep(0)  # what the thread left for the loop
        assert world.told == []

    watched(scenario)
