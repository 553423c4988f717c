"""What all shards of a region share: the store, the keys, a clock, chance, threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor

from kinelog.actors.delays import Busy, Delays
from kinelog.actors.recovery import Recoverer
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore

ENTROPY_DRAWS = 256


class Surroundings:
    """What all shards of a region share."""

    def __init__(
        self,
        journal: Journal,
        keys: KeyStore,
        codec: EventCodec,
        recoverer: Recoverer,
        pool: Executor,
        clock: Callable[[], int],
        owner: str,
        delays: Delays,
    ) -> None:
        self.journal = journal
        self.keys = keys
        self.codec = codec
        self.recoverer = recoverer
        self.pool = pool
        self.clock = clock
        self.owner = owner
        self.delays = delays
        self.busy = Busy()
        self._entropy: list[bytes] = []

    def entropy(self) -> bytes:
        """16 fresh random bytes; drawn in bulk, since each asking of the system costs as much as deciding a frame."""
        try:
            return self._entropy.pop()
        except IndexError:
            drawn = os.urandom(16 * ENTROPY_DRAWS)
            self._entropy = [drawn[at : at + 16] for at in range(0, len(drawn), 16)]
            return self._entropy.pop()
