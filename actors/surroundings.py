"""What all shards of a region share: the store, the keys, a clock, chance, threads."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from kinelog.actors.delays import Busy, Delays
from kinelog.actors.lease import Lease
from kinelog.actors.recovery import Recoverer
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore

_LOG = logging.getLogger(__name__)

ENTROPY_DRAWS = 256
SNAPSHOTS_MS = 100


class Once:
    """A call that is made once, whoever makes it first."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: list[Callable[[], None]] = [call]

    def __call__(self) -> None:
        """Make it, unless it was made."""
        try:
            call = self._call.pop()
        except IndexError:
            return
        try:
            call()
        except Exception:  # noqa: BLE001 - somebody else's code, on a pool's thread
            _LOG.exception("a call at the end of a shard raised")


@dataclass(slots=True)
class Surroundings:
    """What all shards of a region share.

    Attributes:
        pool: Reads entities and writes snapshots; its threads are what bounds the recoveries of all shards together.
        steps: Takes shards: epochs, what a shard itself remembers, judgements, erasures.
        clock: Unix milliseconds.
        owner: Who acquires, as the journal records it.
    """

    journal: Journal
    keys: KeyStore
    codec: EventCodec
    recoverer: Recoverer
    pool: Executor
    steps: Executor
    clock: Callable[[], int]
    owner: Callable[[], str]
    delays: Delays
    lease: Lease
    busy: Busy = field(default_factory=Busy)
    _entropy: list[bytes] = field(default_factory=list)

    def after_snapshots(self, call: Callable[[], None]) -> None:
        """Make a call when the snapshots that are queued now are on their way, and soon in any case.

        Who takes a shard over starts sooner with them, but does not wait for long: without them it only reads more.
        """
        once = Once(call)
        self.delays.later(SNAPSHOTS_MS, once)
        try:
            self.pool.submit(once)
        except RuntimeError:
            once()  # the pool ended with the region: so did its snapshots

    def entropy(self) -> bytes:
        """16 fresh random bytes; drawn in bulk, since each asking of the system costs as much as deciding a frame."""
        try:
            return self._entropy.pop()
        except IndexError:
            drawn = os.urandom(16 * ENTROPY_DRAWS)
            self._entropy = [drawn[at : at + 16] for at in range(0, len(drawn), 16)]
            return self._entropy.pop()
