"""Announcer and sender of a process, put together, started and stopped as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kinelog.actors.asking import Asks
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore
from kinelog.registry.store import ModelStore
from kinelog.webhooks.announcer import POLL_S, Announcer
from kinelog.webhooks.background import Background
from kinelog.webhooks.endpoint import EndpointRules
from kinelog.webhooks.outbox import Outbox
from kinelog.webhooks.progress_store import ProgressStore
from kinelog.webhooks.sender import LOOK_AGAIN_MS, SenderParts, WebhookSender
from kinelog.webhooks.transport import TOTAL_S, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingParts:
    """What telling stands on; whoever opened these closes them, after `stop`.

    Attributes:
        models: What is followed.
        progress: How far it was told.
        rules: Which places may be called.
        poll_s: Between two looks at the model store.
        look_again_ms: Between two looks at all tenants.
        attempt_s: How long a receiver may take.
        announces: Whether it is for this process to announce, now.
        sends_to: Whether it is for this process to tell a tenant, now.
    """

    region: Asks
    journal: Journal
    keys: KeyStore
    codec: EventCodec
    models: ModelStore
    progress: ProgressStore
    clock_ms: Callable[[], int]
    rules: EndpointRules = field(default_factory=EndpointRules)
    poll_s: float = POLL_S
    look_again_ms: int = LOOK_AGAIN_MS
    attempt_s: float = TOTAL_S
    announces: Callable[[], bool] = lambda: True
    sends_to: Callable[[str], bool] = lambda _tenant: True


class Telling:
    """Runs on the event loop that `start` is called on."""

    def __init__(self, parts: TellingParts) -> None:
        """Prepare; nothing runs yet."""
        self._parts = parts
        self._background = Background()
        self._transport: Transport | None = None
        self._sender: WebhookSender | None = None

    def webhook_set(self, tenant: str) -> None:
        """A tenant wants to be told, perhaps elsewhere than before: look at once. Call on the event loop."""
        if self._sender is not None:
            self._sender.wake(tenant)

    def moved(self) -> None:
        """Other tenants than before may be this process's to tell. Call on the event loop."""
        if self._sender is not None:
            self._sender.look_again()

    def start(self) -> None:
        """Begin to announce and to send."""
        parts, blocking = self._parts, self._background.blocking
        self._transport = Transport(parts.rules, parts.attempt_s)
        self._sender = WebhookSender(
            SenderParts(
                region=parts.region, outbox=Outbox(parts.journal, parts.codec), progress=parts.progress,
                keys=parts.keys, transport=self._transport, blocking=blocking, clock_ms=parts.clock_ms,
                sends_to=parts.sends_to,
            ),
            parts.look_again_ms,
        )  # fmt: skip
        announcer = Announcer(
            parts.models,
            parts.region,
            parts.progress,
            blocking,
            parts.clock_ms,
            self._sender.wake,
            parts.poll_s,
            parts.announces,
        )
        self._background.start("announcer", announcer.run)
        self._background.start("webhooks", self._sender.run)

    async def stop(self) -> None:
        """Stop both; a message that is under way is sent again by whoever comes next."""
        await self._background.stop()
        self._sender = None
        if self._transport is not None:
            await self._transport.close()
            self._transport = None
