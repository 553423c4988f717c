"""Sends what tenants are owed: each tenant's messages in order, tenants side by side, for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from kinelog.actors.asking import Asks
from kinelog.domain.identifiers import TENANT_PERSON
from kinelog.domain.states import Webhook
from kinelog.journal.errors import JournalError
from kinelog.privacy.errors import PrivacyError
from kinelog.privacy.key_store import KeyStore
from kinelog.webhooks import metrics
from kinelog.webhooks.background import Blocking
from kinelog.webhooks.errors import WebhooksError
from kinelog.webhooks.notice import Notice
from kinelog.webhooks.outbox import Outbox
from kinelog.webhooks.progress import ATTEMPT_MS, Progress, begun, due_at_ms, passed, refused, told
from kinelog.webhooks.progress_store import ProgressStore
from kinelog.webhooks.signature import HEADER, signature
from kinelog.webhooks.tenant_stream import webhook_of
from kinelog.webhooks.transport import Outcome, Transport

logger = logging.getLogger(__name__)

LOOK_AGAIN_MS = 60_000
"""How often all tenants are looked at without being called: another process may have set a webhook, or have died."""

RETRY_MS = 5_000
SIDE_BY_SIDE = 32
_PASSING = (JournalError, PrivacyError, WebhooksError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderParts:
    """What a sender works with.

    Attributes:
        region: Says who is told.
        outbox: Says what is owed.
        progress: Where each tenant stands.
        keys: Reveal the secrets of signatures.
        transport: Carries messages.
        blocking: Runs what blocks.
        clock_ms: Unix milliseconds.
        sends_to: Whether it is for this process to tell a tenant; two that both think so do no harm.
    """

    region: Asks
    outbox: Outbox
    progress: ProgressStore
    keys: KeyStore
    transport: Transport
    blocking: Blocking
    clock_ms: Callable[[], int]
    sends_to: Callable[[str], bool] = lambda _tenant: True


class WebhookSender:
    """One a process; several processes may send, and of two that want the same message one waits."""

    def __init__(self, parts: SenderParts, look_again_ms: int = LOOK_AGAIN_MS) -> None:
        """Prepare; nothing is asked before `run`."""
        self._parts = parts
        self._look_again_ms = look_again_ms
        self._due: dict[str, int] = {}
        self._running: dict[str, asyncio.Task[int | None]] = {}
        self._news = asyncio.Event()
        self._look_at_ms = 0

    def wake(self, tenant: str) -> None:
        """Look at a tenant soon: something was announced, or a webhook was set. Call on the event loop."""
        self._due[tenant] = 0
        self._news.set()

    def look_again(self) -> None:
        """Look at all tenants soon: some may have become this process's to tell. Call on the event loop."""
        self._look_at_ms = 0
        self._news.set()

    async def run(self) -> None:
        """Send until cancelled."""
        self._look_at_ms = 0
        try:
            while True:
                now_ms = self._parts.clock_ms()
                if now_ms >= self._look_at_ms:
                    self._look_at_ms = (
                        now_ms + self._look_again_ms
                    )  # before the look: a call meanwhile asks for another
                    await self._look_around(now_ms)
                self._begin_due(now_ms)
                await self._pause()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            self._running.clear()

    async def _look_around(self, now_ms: int) -> None:
        """Take up every tenant that is known and ours to tell."""
        try:
            tenants = await self._parts.blocking(self._parts.progress.tenants)
        except WebhooksError as error:
            logger.warning("whom to tell cannot be read now, which is tried again: %s", error)
            self._look_at_ms = now_ms + RETRY_MS
            return
        for tenant in filter(self._parts.sends_to, tenants):
            self._due.setdefault(tenant, now_ms)

    def _begin_due(self, now_ms: int) -> None:
        for tenant in sorted(self._due, key=self._due.__getitem__):
            if len(self._running) >= SIDE_BY_SIDE or self._due[tenant] > now_ms:
                return
            if tenant not in self._running:
                del self._due[tenant]
                task = asyncio.get_running_loop().create_task(self._serve(tenant))
                self._running[tenant] = task
                task.add_done_callback(partial(self._ended, tenant))

    async def _pause(self) -> None:
        waiting = [at_ms for tenant, at_ms in self._due.items() if tenant not in self._running]
        full = len(self._running) >= SIDE_BY_SIDE
        next_ms = self._look_at_ms if full else min([self._look_at_ms, *waiting])
        try:
            async with asyncio.timeout(max(0, next_ms - self._parts.clock_ms()) / 1000):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    def _ended(self, tenant: str, task: asyncio.Task[int | None]) -> None:
        self._running.pop(tenant, None)
        if not task.cancelled():
            error = task.exception()
            if error is not None:
                # A defect with one tenant's messages must not keep others from theirs.
                logger.error("telling %s failed, and is tried again", tenant, exc_info=error)
            again_ms = self._parts.clock_ms() + self._look_again_ms if error is not None else task.result()
            if again_ms is not None:
                self._due.setdefault(tenant, again_ms)
        self._news.set()

    async def _serve(self, tenant: str) -> int | None:
        """Send all that is owed to a tenant now; when to look again, or None where nothing is owed by us."""
        again_ms: int | None = 0
        try:
            while again_ms == 0:  # asked each time: in the middle the tenant may become another process's to tell
                again_ms = await self._send_next(tenant) if self._parts.sends_to(tenant) else None
        except _PASSING as error:
            logger.warning("what %s is owed cannot be read now, which is tried again: %s", tenant, error)
            return self._parts.clock_ms() + RETRY_MS
        return again_ms

    async def _send_next(self, tenant: str) -> int | None:
        """Send one message; when to look for the next: 0 at once, None where nothing is owed."""
        parts = self._parts
        webhook = await webhook_of(parts.region, tenant, parts.clock_ms())
        progress = await parts.blocking(parts.progress.progress, tenant)
        if webhook is None or progress is None:
            return None
        due_ms = due_at_ms(progress, webhook.set_at_ms)
        if due_ms > parts.clock_ms():
            return due_ms
        owed = await parts.blocking(parts.outbox.owed, tenant, progress.sent, webhook.behind)
        if owed.notice is None:
            if owed.read_to > progress.sent:  # so that it is not read again
                await parts.blocking(parts.progress.save, passed(progress, owed.read_to))
            return None
        if await webhook_of(parts.region, tenant, parts.clock_ms()) != webhook:
            return 0  # removed or set anew before this was published, perhaps: then it is not owed
        return await self._send(webhook, progress, owed.notice)

    async def _send(self, webhook: Webhook, progress: Progress, notice: Notice) -> int:
        """Send a message, unless another process does; when to look for the next."""
        parts = self._parts
        claimed = await parts.blocking(parts.progress.save, begun(progress, parts.clock_ms()))
        if claimed is None:  # another process is at it
            return parts.clock_ms() + ATTEMPT_MS
        after = await self._attempt(webhook, claimed, notice)
        if await parts.blocking(parts.progress.save, after) is None:
            return parts.clock_ms() + ATTEMPT_MS
        return after.due_at_ms if after.attempts else 0

    async def _attempt(self, webhook: Webhook, claimed: Progress, notice: Notice) -> Progress:
        parts = self._parts
        secret = await parts.blocking(self._secret, claimed.tenant, webhook)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "kinelog-webhook/1",
            HEADER: signature(secret, parts.clock_ms() // 1000, notice.body),
            "Kinelog-Event-Id": notice.id,
            "Kinelog-Attempt": str(claimed.attempts),
        }
        return self._judged(claimed, notice, await parts.transport.post(webhook.url, notice.body, headers))

    def _judged(self, claimed: Progress, notice: Notice, outcome: Outcome) -> Progress:
        # Said once, and without the URL: that is the tenant's own affair, and may hold a secret.
        tenant, attempts = claimed.tenant, claimed.attempts
        if outcome.taken and outcome.status is not None:
            metrics.DELIVERED.inc()
            if attempts > 1:
                logger.info("the webhook of %s takes messages again, after %d attempts", tenant, attempts)
            return told(claimed, notice.sequence, outcome.status)
        metrics.REFUSED.inc()
        if attempts == 1:
            logger.warning("the webhook of %s %s; it is tried until it works", tenant, outcome.error)
        return refused(claimed, self._parts.clock_ms(), outcome.status, outcome.error)

    def _secret(self, tenant: str, webhook: Webhook) -> str:
        return self._parts.keys.sealer(tenant, TENANT_PERSON).reveal(webhook.concealed_secret)
