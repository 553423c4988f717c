"""The region: hands commands to the shard that owns the person, and runs the shards of this process."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
from kinelog.actors.acquisitions import Acquisitions
from kinelog.actors.answers import Answer
from kinelog.actors.asyncio_bridge import LoopBridges
from kinelog.actors.delays import Delays
from kinelog.actors.errors import StoppingError
from kinelog.actors.messages import Pending
from kinelog.actors.metrics import COLLECTOR
from kinelog.actors.recovery import Recoverer
from kinelog.actors.rules import DOMAIN_RULES, Rules
from kinelog.actors.settings import RegionSettings
from kinelog.actors.shard_actor import ShardHost
from kinelog.actors.shard_machine import ShardMachine
from kinelog.actors.supervision import SupervisedShard
from kinelog.actors.surroundings import Surroundings
from kinelog.actors.ticker import Ticker
from kinelog.actors.tickets import CallbackTicket, LoopTicket, size_of
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person, shard_of
from kinelog.domain.limits import DEFAULT_LIMITS, Limits
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore

_LOG = logging.getLogger(__name__)

FRAME_OVERHEAD_BYTES = 1_024
"""More than a commit adds to a lonely frame: the sealed envelope, the event's names, the directory."""


def wall_clock_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Region:
    """All shards of this process, which owns every one of them. Thread-safe."""

    def __init__(
        self,
        journal: Journal,
        keys: KeyStore,
        codec: EventCodec,
        limits: Limits = DEFAULT_LIMITS,
        settings: RegionSettings | None = None,
        clock: Callable[[], int] = wall_clock_ms,
        *,
        rules: Rules = DOMAIN_RULES,
    ) -> None:
        """Make a region that serves nothing yet; commands may be submitted already, and wait.

        Args:
            journal: The log; as many shards as it has.
            keys: Keys of people.
            codec: Seals events with those keys.
            limits: Bounds that decisions keep; frames that no commit of the journal can hold are refused too.
            settings: Bounds and waits of the shards.
            clock: Unix milliseconds.
            rules: The state machines; the domain's unless a test says otherwise.
        """
        self._settings = settings or RegionSettings()
        self._pool = ThreadPoolExecutor(self._settings.recovery_threads, "kinelog-recovery")
        self._bridges = LoopBridges()
        self._stopping = False
        self._acquisitions = Acquisitions(self._settings.acquisitions)
        recoverer = Recoverer(journal, keys, codec, rules)
        self._delays = Delays()
        around = Surroundings(journal, keys, codec, recoverer, self._pool, clock, self._settings.owner, self._delays)
        shard_settings = self._settings.shard.suited_to(journal.commit_bytes, journal.gather_share)
        frame_bytes = min(limits.frame_bytes, journal.commit_bytes - FRAME_OVERHEAD_BYTES)
        limits = msgspec.structs.replace(limits, frame_bytes=frame_bytes)
        self._hosts = tuple(ShardHost() for _ in range(min(self._settings.threads, journal.shards)))
        self.shards = tuple(
            SupervisedShard(
                partial(ShardMachine, shard, limits, shard_settings, rules),
                shard,
                around,
                self._settings,
                self._hosts[shard % len(self._hosts)],
                self._acquisitions.next,
            )
            for shard in range(journal.shards)
        )
        self._ticker = Ticker(self._settings.tick_ms / 1_000, self._tick)

    def start(self) -> None:
        """Acquire the shards (in the background, those with waiting commands first) and start their actors."""
        COLLECTOR.regions.add(self)
        for host in self._hosts:
            host.start()
        self._delays.start()
        self._acquisitions.begin(self.shards)
        self._ticker.start()

    def submit(self, person: Person, command: Command, reply: Callable[[Answer], None]) -> None:
        """Put a command in the owner's bounded mailbox; `reply` is called once, on the shard's thread.

        Raises:
            MailboxFullError: 429.
            StoppingError: 503.
        """
        size = size_of(command)
        self._put(person, Pending(person, command, CallbackTicket(reply, size)), size)

    async def ask(self, person: Person, command: Command) -> Answer:
        """Submit from an event loop and wait for the answer without blocking it.

        All answers of one drain wake the loop once.

        Raises:
            MailboxFullError: 429.
            StoppingError: 503.
        """
        return await self.asked(person, command)

    def asked(self, person: Person, command: Command) -> asyncio.Future[Answer]:
        """As `ask`, for who waits for many answers without a task for each: the answer's future, at once."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        size = size_of(command)
        bridge = self._bridges.of(loop)
        self._put(person, Pending(person, command, LoopTicket(bridge, future, size)), size, bridge.wake_soon)
        return future

    def ready(self) -> bool:
        """Whether every shard is acquired and answering."""
        return not self._stopping and all(shard.machine is not None and shard.machine.serving for shard in self.shards)

    def stop(self, timeout_s: float = 8.0) -> None:
        """Stop accepting, finish what is in the mailboxes, save snapshots, stop the actors.

        Whoever is not answered in that time is told that the service is stopping. May be called again.
        """
        deadline = time.monotonic() + timeout_s
        self._stopping = True
        self._acquisitions.cancel()
        self._ticker.stop()
        for shard in self.shards:
            shard.release()
        late = [shard.shard for shard in self.shards if not shard.released.wait(max(0.0, deadline - time.monotonic()))]
        if late:
            _LOG.warning("shards %s did not let go in %.1f s", late, timeout_s)
        for shard in self.shards:
            shard.stop()
        for host in self._hosts:
            host.stop()
        self._delays.stop()
        self._finish_background(deadline)
        COLLECTOR.regions.discard(self)

    def _finish_background(self, deadline: float) -> None:
        # Snapshots only shorten the next start; those that are not written by the deadline are not needed.
        finish = threading.Thread(target=self._pool.shutdown, name="kinelog-finish", daemon=True)
        finish.start()
        finish.join(max(0.0, deadline - time.monotonic()))
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _put(
        self,
        person: Person,
        pending: Pending,
        size: int,
        wake_soon: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        if self._stopping:
            raise StoppingError("the region is stopping")
        self.shards[shard_of(person, len(self.shards))].submit(pending, size, wake_soon)

    def _tick(self) -> None:
        for shard in self.shards:
            shard.tick()
