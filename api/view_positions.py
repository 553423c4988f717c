"""Read-your-writes: waiting, bounded, until the views have folded a position."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from kinelog.api.problems import ProblemError
from kinelog.projections.errors import ViewsUnavailableError


class ViewPositions:
    """Asks how far the views are, once for all who wait."""

    def __init__(self, as_of: Callable[[], dict[int, int]], poll_s: float, wait_s: float) -> None:
        """Ask `as_of` (blocking, in a thread) every `poll_s`; wait at most `wait_s`."""
        self._as_of = as_of
        self._poll_s = poll_s
        self._wait_s = wait_s
        self._asking: asyncio.Task[dict[int, int]] | None = None
        self._exist = False

    async def current(self) -> dict[int, int]:
        """Position by shard that the views are folded up to."""
        task = self._asking
        if task is None or task.done():
            task = asyncio.get_running_loop().create_task(asyncio.to_thread(self._as_of))
            self._asking = task
        positions = await asyncio.shield(task)
        # A store whose views are still being made knows of no shard.
        self._exist = self._exist or bool(positions)
        return positions

    async def exist(self) -> None:
        """Wait until there are views at all, for as long as for a position.

        A service that has just started answers before its worker has made them. Returns in any case: what reads them
        says best what is wrong.
        """
        if self._exist:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                while await self._current_if_any() is None:  # noqa: ASYNC110 - another process makes them
                    await asyncio.sleep(self._poll_s)

    async def _current_if_any(self) -> dict[int, int] | None:
        try:
            return await self.current() or None
        except ViewsUnavailableError:
            return None

    async def wait_for(self, wanted: Mapping[int, int]) -> None:
        """Wait until the views include these positions.

        Raises:
            ProblemError: `view-behind`: they do not yet.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                # Another process folds the views, so there is no event to wait for, only a position to look at.
                while not _includes(await self._current_if_any(), wanted):  # noqa: ASYNC110
                    await asyncio.sleep(self._poll_s)
        except TimeoutError as error:
            raise ProblemError("view-behind", "Try again in a moment.", retry_after_s=1) from error


def _includes(positions: Mapping[int, int] | None, wanted: Mapping[int, int]) -> bool:
    return positions is not None and all(positions.get(shard, 0) >= position for shard, position in wanted.items())
