"""What outlives a process (log, keys, models, progress), and processes over it that announce and send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kinelog.actors.answers import Accepted
from kinelog.actors.region import Region, wall_clock_ms
from kinelog.domain.commands import AnnounceModel, Command, CreateTenant, ReadTenant, RemoveWebhook, SetWebhook
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.states import TenantState
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.registry.store import ModelStore
from kinelog.webhooks.endpoint import EndpointRules
from kinelog.webhooks.progress import Progress
from kinelog.webhooks.progress_store import ProgressStore
from kinelog.webhooks.sqlite_progress import SqliteProgressStore
from kinelog.webhooks.telling import Telling, TellingParts

from tests.webhooks.receiver import SECRET

ACME = "acme"
LONGEST_S = 30.0


@dataclass
class Clock:
    """Time stands still but for a test that moves it on: else a slow machine lets pauses end."""

    ahead_ms: int = 0
    began_ms: int = field(default_factory=wall_clock_ms)

    def __call__(self) -> int:
        return self.began_ms + self.ahead_ms


@dataclass
class Durable:
    """What is left when every process is gone."""

    journal: MemoryJournal
    keys: KeyStore
    codec: EventCodec
    models: ModelStore
    open_progress: Callable[[], ProgressStore]
    clock: Clock = field(default_factory=Clock)


@contextmanager
def durable(folder: Path) -> Iterator[Durable]:
    """Everything empty."""
    journal, keys = MemoryJournal(2), KeyStore.open(folder / "keys")
    models = SqliteModelStore(folder / "registry.sqlite")

    def open_progress() -> ProgressStore:
        return SqliteProgressStore(folder / "progress.db", journal.incarnation)

    try:
        yield Durable(journal, keys, EventCodec(keys), models, open_progress)
    finally:
        models.close()
        keys.close()


@dataclass
class Running:
    """One process."""

    durable: Durable
    region: Region
    telling: Telling
    progress: ProgressStore
    published: dict[str, int] = field(default_factory=dict)

    async def do(self, command: Command, tenant: str = ACME) -> object:
        """Have a command about the tenant committed."""
        answer = await self.region.ask(Person(tenant, TENANT_PERSON), command)
        assert isinstance(answer, Accepted), answer
        return answer.reply

    async def create(self, tenant: str = ACME) -> None:
        """Make a tenant."""
        self.durable.keys.enrol_tenant(tenant)
        await self.do(CreateTenant(at_ms=self.durable.clock(), name=tenant), tenant)

    async def hook(self, url: str, tenant: str = ACME) -> None:
        """Set the webhook, as the interface does, a moment after whatever was tried before."""
        self.durable.clock.ahead_ms += 10
        word = self.durable.keys.sealer(tenant, TENANT_PERSON).conceal(SECRET)
        await self.do(SetWebhook(at_ms=self.durable.clock(), url=url, concealed_secret=word), tenant)
        self.telling.webhook_set(tenant)

    async def unhook(self, tenant: str = ACME) -> None:
        """Remove the webhook."""
        await self.do(RemoveWebhook(at_ms=self.durable.clock()), tenant)

    async def announce(self, version: int, tenant: str = ACME, cluster: str = "all") -> None:
        """What the announcer does, without a model store: tell the stream, then the sender."""
        command = AnnounceModel(
            at_ms=self.durable.clock(), cluster=cluster, sensors=("left-wrist",), version=version,
            blob=f"{version:064x}", manifest=f"{version:064x}", published_at_ms=self.durable.clock(),
        )  # fmt: skip
        await self.do(command, tenant)
        self.progress.add(tenant)
        self.telling.webhook_set(tenant)

    async def tenant(self, tenant: str = ACME) -> TenantState:
        """The tenant's state."""
        state = await self.do(ReadTenant(at_ms=self.durable.clock()), tenant)
        assert isinstance(state, TenantState)
        return state

    async def until(self, holds: Callable[[Progress], bool], tenant: str = ACME) -> Progress:
        """Wait until the tenant's progress is so."""
        async with asyncio.timeout(LONGEST_S):
            while True:
                progress = self.progress.progress(tenant)
                if progress is not None and holds(progress):
                    return progress
                await asyncio.sleep(0.005)

    def let_time_pass(self, seconds: float, tenant: str = ACME) -> None:
        """Move the clock on, and have the sender look at it."""
        self.durable.clock.ahead_ms += round(1000 * seconds)
        self.telling.webhook_set(tenant)


@asynccontextmanager
async def process(
    durable: Durable,
    rules: EndpointRules | None = None,
    *,
    attempt_s: float = 30.0,
    tells: bool = True,
    sends_to: Callable[[str], bool] = lambda _tenant: True,
    shares: Running | None = None,
) -> AsyncIterator[Running]:
    """A process over what is there, until the context ends: what it was at is not finished.

    Args:
        durable: What is there.
        rules: Which places it may call; this machine by default.
        attempt_s: How long a receiver may take.
        tells: Whether it announces and sends by itself.
        sends_to: Which tenants it tells.
        shares: A process whose region it asks, as another node would, instead of owning the shards itself.
    """
    region = shares.region if shares else Region(durable.journal, durable.keys, durable.codec, clock=durable.clock)
    progress = durable.open_progress()
    telling = Telling(
        TellingParts(
            region=region, journal=durable.journal, keys=durable.keys, codec=durable.codec, models=durable.models,
            progress=progress, clock_ms=durable.clock, rules=rules or EndpointRules(loopback=True), poll_s=0.02,
            look_again_ms=60_000, attempt_s=attempt_s, sends_to=sends_to,
        )
    )  # fmt: skip
    if shares is None:
        region.start()
    if tells:
        telling.start()
    try:
        yield Running(durable, region, telling, progress)
    finally:
        await telling.stop()
        if shares is None:
            await asyncio.to_thread(region.stop, 5.0)
        progress.close()
