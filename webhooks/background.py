"""What runs beside the requests of a service: two tasks on its event loop, and the threads in which they block."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import ParamSpec, Protocol, Self, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)

THREADS = 4
AGAIN_S = 30.0


class Blocking(Protocol):
    """Asks something that blocks, in a thread."""

    async def __call__(self, ask: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Its answer."""
        ...


class Background:
    """Tasks that run until they are stopped, and the threads that they ask in."""

    def __init__(self, threads: int = THREADS, again_s: float = AGAIN_S) -> None:
        """Start nothing yet; `again_s` is how long a task rests that a defect ended."""
        self._threads = ThreadPoolExecutor(threads, "kinelog-webhooks")
        self._again_s = again_s
        self._tasks: list[asyncio.Task[None]] = []

    async def blocking(self, ask: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Ask something that blocks, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(ask, *args, **kwargs))

    def start(self, name: str, run: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run a task until `stop`; what nobody foresaw is logged, and the task begins again after a rest."""
        self._tasks.append(asyncio.get_running_loop().create_task(self._kept(name, run), name=name))

    async def _kept(self, name: str, run: Callable[[], Coroutine[None, None, None]]) -> None:
        while True:
            try:
                await run()
            except Exception:
                # A defect here must not end the service that people train with, nor go unseen.
                logger.exception("%s failed, and begins again in %.0f s", name, self._again_s)
            await asyncio.sleep(self._again_s)

    async def stop(self) -> None:
        """End the tasks, then wait for what they asked: their stores can be closed afterwards."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await asyncio.to_thread(self._threads.shutdown)

    async def __aenter__(self) -> Self:
        """Already there."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()
