"""The region: hands commands to the shard that owns the person, and runs the shards of this process."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
from kinelog.actors.acquisitions import Acquisitions
from kinelog.actors.answers import Answer
from kinelog.actors.asyncio_bridge import Awaited, LoopBridges
from kinelog.actors.commit_traces import TracedWait
from kinelog.actors.delays import Delays
from kinelog.actors.errors import NotOwnerError, StoppingError
from kinelog.actors.formed_rules import formed
from kinelog.actors.lease import Lease, without_end
from kinelog.actors.messages import Pending
from kinelog.actors.metrics import COLLECTOR
from kinelog.actors.recovery import Recoverer
from kinelog.actors.rules import DOMAIN_RULES, Rules
from kinelog.actors.settings import RegionSettings
from kinelog.actors.shard_actor import ShardHost
from kinelog.actors.shard_life import ShardStatus
from kinelog.actors.shard_machine import ShardMachine
from kinelog.actors.shard_presence import ShardPresence
from kinelog.actors.supervision import SupervisedShard
from kinelog.actors.surroundings import Surroundings
from kinelog.actors.ticker import Ticker
from kinelog.actors.tickets import CallbackTicket, LoopTicket, size_of
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person, shard_of
from kinelog.domain.limits import DEFAULT_LIMITS, Limits
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.observability import tracing
from kinelog.privacy.key_store import KeyStore

_LOG = logging.getLogger(__name__)

FRAME_OVERHEAD_BYTES = 1_024
"""More than a commit adds to a lonely frame: the sealed envelope, the event's names, the directory."""


def wall_clock_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Region:
    """The shards of a log, of which this process owns some, or all. Thread-safe.

    Attributes:
        shards: Every shard of the log, by number.
        holder_of: Says which node still serves a shard that this process is to take over; None for nobody.
    """

    def __init__(  # noqa: PLR0913 - one parameter a part; what is seldom given is given by name
        self,
        journal: Journal,
        keys: KeyStore,
        codec: EventCodec,
        limits: Limits = DEFAULT_LIMITS,
        settings: RegionSettings | None = None,
        clock: Callable[[], int] = wall_clock_ms,
        *,
        rules: Rules = DOMAIN_RULES,
        assigned: Collection[int] | None = None,
        lease: Callable[[], float] = without_end,
        owner: Callable[[], str] | None = None,
    ) -> None:
        """Make a region that serves nothing yet; commands for its shards may be submitted already, and wait.

        Args:
            journal: The log; as many shards as it has.
            keys: Keys of people.
            codec: Seals events with those keys.
            limits: Bounds that decisions keep; frames that no commit of the journal can hold are refused too.
            settings: Bounds and waits of the shards.
            clock: Unix milliseconds.
            rules: The state machines; the domain's unless a test says otherwise.
            assigned: The shards that are this process's from the beginning; None for all.
            lease: Until when (`time.monotonic()`) nobody else can have been told that this process is gone. Past it
                nothing is acknowledged and nothing acquired.
            owner: Who acquires, as the journal records it, where that changes; else the settings say.
        """
        self._settings = settings or RegionSettings()
        self._lease = Lease(lease)
        self.holder_of: Callable[[int], str | None] = lambda _shard: None
        self._pool = ThreadPoolExecutor(self._settings.recovery_threads, "kinelog-recovery")
        self._steps = ThreadPoolExecutor(self._settings.acquisitions, "kinelog-ownership")
        self._bridges = LoopBridges(self._lease)
        self._started = False
        self._stopping = False
        self._assigning = threading.Lock()
        self._acquisitions = Acquisitions(self._settings.acquisitions)
        rules = formed(rules, codec)
        recoverer = Recoverer(journal, keys, codec, rules)
        self._delays = Delays()
        around = Surroundings(
            journal=journal, keys=keys, codec=codec, recoverer=recoverer, pool=self._pool, steps=self._steps,
            clock=clock, owner=owner or (lambda: self._settings.owner), delays=self._delays, lease=self._lease,
        )  # fmt: skip
        shard_settings = self._settings.shard.suited_to(journal.commit_bytes, journal.gather_share)
        frame_bytes = min(limits.frame_bytes, journal.commit_bytes - FRAME_OVERHEAD_BYTES)
        limits = msgspec.structs.replace(limits, frame_bytes=frame_bytes)
        self._hosts = tuple(ShardHost(self._lease) for _ in range(min(self._settings.threads, journal.shards)))
        self.shards = tuple(
            SupervisedShard(
                partial(ShardMachine, shard, limits, shard_settings, rules),
                shard,
                around,
                self._settings,
                self._hosts[shard % len(self._hosts)],
                self._acquisitions.ended,
                self._queue,
            )
            for shard in range(journal.shards)
        )
        for number in range(journal.shards) if assigned is None else assigned:
            self.shards[number].claim()
        self._ticker = Ticker(self._settings.tick_ms / 1_000, self._tick)

    def start(self) -> None:
        """Acquire our shards (in the background, those with waiting commands first) and start the actors."""
        COLLECTOR.regions.add(self)
        for host in self._hosts:
            host.start()
        self._delays.start()
        self._ticker.start()
        with self._assigning:
            self._started = True
            ours = [shard for shard in self.shards if shard.assigned]
        self._acquisitions.add(ours)

    def assign(self, shards: Collection[int]) -> None:
        """These shards are this process's, and no others: acquire what is new, let go in order of what is not there.

        Returns at once; may be said again. A shard that is being let go of is acquired again when that is done.
        """
        wanted = frozenset(shards)
        self.take(wanted)
        for shard in self.shards:
            if shard.shard not in wanted and shard.assigned:
                shard.release()

    def take(self, shards: Collection[int]) -> None:
        """These shards are this process's too: acquire those that are new. Returns at once; may be said again."""
        with self._assigning:
            if self._stopping:
                return
            gained = [shard for shard in (self.shards[number] for number in sorted(shards)) if shard.claim()]
        if self._started:
            self._acquisitions.add(gained)

    def release(self, shard: int, done: Callable[[], None]) -> None:
        """Let go of one shard in order: nothing new is taken, the commit in flight is finished, snapshots are saved.

        Commands that are in no commit yet are answered `moved`.

        Args:
            shard: Ours or not.
            done: Called once, on any thread, when nothing of the shard is under way here any more.
        """
        self.shards[shard].release(done)

    def yield_to_next(self, shard: int, left: Callable[[], None] | None) -> None:
        """Serve a shard on that goes to another owner, but leave it when that one has taken it.

        Args:
            shard: One of ours.
            left: Called once if that happens; None takes it back: the shard stays.
        """
        self.shards[shard].yield_to(left)

    def forget(self, shards: Collection[int]) -> None:
        """Let go at once: somebody else may own these shards already.

        Who only waited is answered `moved`; whose command was taken in, `lost`. No snapshot is saved.
        """
        for shard in shards:
            self.shards[shard].forget()

    def status(self) -> tuple[ShardStatus, ...]:
        """What there is to be said of each shard now."""
        return tuple(shard.status() for shard in self.shards)

    def submit(self, person: Person, command: Command, reply: Callable[[Answer], None]) -> None:
        """Put a command in the owner's bounded mailbox; `reply` is called once, on the shard's thread.

        Raises:
            MailboxFullError: 429.
            NotOwnerError: The shard is not ours.
            StoppingError: 503.
        """
        size = size_of(command)
        self._put(person, Pending(person, command, CallbackTicket(reply, size)), size)

    async def ask(self, person: Person, command: Command) -> Answer:
        """Submit from an event loop and wait for the answer without blocking it.

        All answers of one drain wake the loop once.

        Raises:
            MailboxFullError: 429.
            NotOwnerError: The shard is not ours.
            StoppingError: 503.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ask_for(future, person, command)
        return await future

    def ask_for(self, awaited: Awaited, person: Person, command: Command) -> None:
        """As `ask`, for who waits for many answers without a task for each: the answer goes to `awaited`.

        Raises:
            MailboxFullError: 429.
            NotOwnerError: The shard is not ours.
            StoppingError: 503.
        """
        size = size_of(command)
        trace = tracing.current()
        if trace is not None:
            awaited = TracedWait(awaited, trace)
        bridge = self._bridges.of(asyncio.get_running_loop())
        self._put(person, Pending(person, command, LoopTicket(bridge, awaited, size)), size, bridge.wake_soon)

    def ready(self) -> bool:
        """Whether every shard of ours is acquired and answering."""
        running = self._started and not self._stopping
        return running and all(shard.serving for shard in self.shards if shard.assigned)

    def stop(self, timeout_s: float = 8.0) -> None:
        """Stop accepting, finish what is in the mailboxes, save snapshots, stop the actors.

        Whoever is not answered in that time is told that the service is stopping. May be called again.
        """
        deadline = time.monotonic() + timeout_s
        with self._assigning:
            self._stopping = True
        self._acquisitions.cancel()
        self._ticker.stop()
        for shard in self.shards:
            shard.release(moving=False)
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
        for pool in (self._steps, self._pool):
            finish = threading.Thread(target=pool.shutdown, name="kinelog-finish", daemon=True)
            finish.start()
            finish.join(max(0.0, deadline - time.monotonic()))
            pool.shutdown(wait=False, cancel_futures=True)

    def _put(
        self,
        person: Person,
        pending: Pending,
        size: int,
        wake_soon: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        if self._stopping:
            raise StoppingError("the region is stopping")
        try:
            self.shards[shard_of(person, len(self.shards))].submit(pending, size, wake_soon)
        except NotOwnerError as error:
            error.holder = self.holder_of(error.shard)
            raise

    def _queue(self, shard: ShardPresence) -> None:
        self._acquisitions.add([shard])

    def _tick(self) -> None:
        for shard in self.shards:
            shard.tick()
