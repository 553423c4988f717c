"""What handlers share: the services and what the interface itself keeps between requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from aiohttp import web
from kinelog.api.authentication import Authentication
from kinelog.api.cursors import Cursors
from kinelog.api.lifecycle import Lifecycle
from kinelog.api.live_feeds import LiveFeeds
from kinelog.api.metrics import Meters
from kinelog.api.model_shelf import ModelShelf
from kinelog.api.pairing_tries import PairingTries
from kinelog.api.problems import ProblemError
from kinelog.api.services import Services
from kinelog.api.view_positions import ViewPositions
from prometheus_client import CollectorRegistry

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One per application.

    Attributes:
        readers: Threads in which everything that blocks is asked.
        shelf: Published models near at hand.
        feeds: The live streams' sources.
        pairing_tries: Wrong pairing codes of the last minute.
        figures: What `/metrics` shows beside the process's own registry.
        openapi: The OpenAPI document.
    """

    services: Services
    authentication: Authentication
    cursors: Cursors
    lifecycle: Lifecycle
    meters: Meters
    readers: ThreadPoolExecutor
    views: ViewPositions
    shelf: ModelShelf
    feeds: LiveFeeds
    pairing_tries: PairingTries
    figures: CollectorRegistry
    openapi: bytes

    async def blocking(self, ask: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Ask something that blocks, in a thread.

        Raises:
            ProblemError: `unavailable`: no answer within the time that the store has for one. What still waited for a
                thread is not asked any more, so that threads that hang in the store gather nothing behind them.
        """
        try:
            async with asyncio.timeout(self.services.settings.answer_s):
                return await self.unhurried(ask, *args, **kwargs)
        except TimeoutError as error:
            raise ProblemError("unavailable", "The store does not answer.", retry_after_s=1) from error

    async def unhurried(self, ask: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `blocking`, for what may take as long as it takes."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.readers, lambda: ask(*args, **kwargs))


CONTEXT = web.AppKey("context", Context)
