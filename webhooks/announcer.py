"""Follows the model store and announces every publication on its tenant's stream.

The position is saved behind what was announced, and announcing is idempotent: a crash at any point repeats a little,
and several processes that do the same do no harm.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable

from kinelog.actors.asking import Asks
from kinelog.domain.commands import AnnounceModel
from kinelog.registry.errors import RegistryError
from kinelog.registry.records import Published
from kinelog.registry.store import ModelStore
from kinelog.webhooks import metrics
from kinelog.webhooks.background import Blocking
from kinelog.webhooks.errors import RefusedCommandError, WebhooksError
from kinelog.webhooks.progress_store import ProgressStore
from kinelog.webhooks.tenant_stream import ask

logger = logging.getLogger(__name__)

POLL_S = 2.0
LONGEST_PAUSE_S = 60.0
PAGE = 50
"""Publications read at once: each carries its manifest, a quarter of a megabyte at most."""


class Announcer:
    """One a process; of several processes the one that `announces` does it, and two do no harm."""

    def __init__(
        self,
        models: ModelStore,
        region: Asks,
        progress: ProgressStore,
        blocking: Blocking,
        clock_ms: Callable[[], int],
        announced: Callable[[str], None] = lambda _tenant: None,
        poll_s: float = POLL_S,
        announces: Callable[[], bool] = lambda: True,
    ) -> None:
        """Prepare; nothing is asked before `run` or `step`.

        Args:
            models: What is followed; asked in threads.
            region: Takes the announcements.
            progress: Where the position is kept.
            blocking: Runs what blocks.
            clock_ms: Unix milliseconds.
            announced: Called with a tenant after each of its announcements.
            poll_s: Between two looks while nothing is new.
            announces: Whether it is for this process to announce, now.
        """
        self._models = models
        self._region = region
        self._progress = progress
        self._blocking = blocking
        self._clock_ms = clock_ms
        self._announced = announced
        self._poll_s = poll_s
        self._announces = announces

    async def run(self) -> None:
        """Announce until cancelled; while something does not answer, ask less and less often, and say so once."""
        pause_s = 0.0
        while True:
            try:
                busy = await self.step() if self._announces() else 0
            except (RegistryError, WebhooksError) as error:
                if not pause_s:
                    logger.warning("models cannot be announced now, which is tried again until it works: %s", error)
                pause_s = min(max(2 * pause_s, self._poll_s), LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s)
                continue
            pause_s = 0.0
            if not busy:
                await asyncio.sleep(self._poll_s)

    async def step(self) -> int:
        """Announce the next publications; how many there were.

        Raises:
            RegistryError: The model store does not answer.
            WebhooksError: A shard, or the store of progress, does not answer.
        """
        position = await self._blocking(self._progress.announced)
        found = await self._blocking(self._models.publications, position, PAGE)
        for published in found:
            await self._announce(published)
            await self._blocking(self._progress.save_announced, published.number)
        return len(found)

    async def _announce(self, published: Published) -> None:
        scope = published.scope
        command = AnnounceModel(
            at_ms=self._clock_ms(), cluster=scope.cluster, sensors=scope.sensors, version=published.version,
            blob=published.blob, manifest=hashlib.sha256(published.manifest).hexdigest(),
            published_at_ms=published.at_ms,
        )  # fmt: skip
        try:
            await ask(self._region, scope.tenant, command)
        except RefusedCommandError as error:
            # Passed over: one scope that no tenant can have must not hold up those of all others.
            logger.warning("%s version %d cannot be announced: %s", scope.path, published.version, error)
            return
        # Before the position is saved: whoever sends must learn of the tenant, or of this publication once more.
        await self._blocking(self._progress.add, scope.tenant)
        metrics.ANNOUNCED.inc()
        self._announced(scope.tenant)
