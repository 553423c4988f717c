"""Read-your-writes: waiting, bounded, until the views have folded a position."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from kinelog.api.problems import ProblemError


class ViewPositions:
    """Asks how far the views are, once for all who wait."""

    def __init__(self, as_of: Callable[[], dict[int, int]], poll_s: float, wait_s: float) -> None:
        """Ask `as_of` (blocking, in a thread) every `poll_s`; wait at most `wait_s`."""
        self._as_of = as_of
        self._poll_s = poll_s
        self._wait_s = wait_s
        self._asking: asyncio.Task[dict[int, int]] | None = None

    async def current(self) -> dict[int, int]:
        """Position by shard that the views are folded up to."""
        task = self._asking
        if task is None or task.done():
            task = asyncio.get_running_loop().create_task(asyncio.to_thread(self._as_of))
            self._asking = task
        return await asyncio.shield(task)

    async def wait_for(self, wanted: Mapping[int, int]) -> None:
        """Wait until the views include these positions.

        Raises:
            ProblemError: `view-behind`: they do not yet.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                # Another process folds the views, so there is no event to wait for, only a position to look at.
                while not _includes(await self.current(), wanted):  # noqa: ASYNC110
                    await asyncio.sleep(self._poll_s)
        except TimeoutError as error:
            raise ProblemError("view-behind", "Try again in a moment.", retry_after_s=1) from error


def _includes(positions: Mapping[int, int], wanted: Mapping[int, int]) -> bool:
    return all(positions.get(shard, 0) >= position for shard, position in wanted.items())
