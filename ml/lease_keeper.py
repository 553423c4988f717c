"""The right to fit and publish, kept while a night works: a thread renews it, and says when it is lost.

Safety does not depend on this thread: the store refuses every write that shows a lease which somebody has taken over.
The thread only keeps others from taking over while we live, and lets us stop early once they have.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final, Self

from kinelog.registry.errors import LeaseHeldError, RegistryUnavailableError, StaleLeaseError
from kinelog.registry.records import Lease
from kinelog.registry.store import ModelStore

TTL_S: Final = 45.0
"""After a night was killed, the next may begin so much later."""
RENEWALS: Final = 3
"""In each time to live: two may fail before anybody can take over."""
POLL_S: Final = 0.5


class LeaseLostError(Exception):
    """Another night has taken over; nothing more may be published by this one."""


class LeaseKeeper:
    """Holds a lease from `__enter__` to `__exit__`."""

    def __init__(self, store: ModelStore, name: str, holder: str, *, wait_s: float, ttl_s: float = TTL_S) -> None:
        """Ask for nothing yet.

        Args:
            store: Where.
            name: What the lease is for.
            holder: Who asks, for people to read.
            wait_s: How long to wait for who holds it; a night that was killed holds it until its time is over.
            ttl_s: Seconds after which others may take it unless it is renewed.
        """
        self._store, self._name, self._holder = store, name, holder
        self._wait_s, self._ttl_s = wait_s, ttl_s
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._held: Lease | None = None

    @property
    def lease(self) -> Lease:
        """What writes show.

        Raises:
            LeaseLostError: Somebody else has taken over.
        """
        if self._held is None or self._lost.is_set():
            message = f"another run has taken over {self._name!r}"
            raise LeaseLostError(message)
        return self._held

    def __enter__(self) -> Self:
        """Take the lease.

        Raises:
            LeaseHeldError: Somebody holds it, and went on holding it for as long as we wait.
        """
        deadline = time.monotonic() + self._wait_s
        while self._held is None:
            try:
                self._held = self._store.acquire_lease(self._name, self._holder, self._ttl_s)
            except LeaseHeldError:
                if time.monotonic() >= deadline:
                    raise
                self._stop.wait(POLL_S)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop renewing, and let others in at once."""
        self._stop.set()
        self._thread.join()
        if self._held is not None and not self._lost.is_set():
            self._store.release(self._held)

    def _renew(self) -> None:
        while not self._stop.wait(self._ttl_s / RENEWALS):
            if self._held is None:
                return
            try:
                self._held = self._store.renew(self._held, self._ttl_s)
            except StaleLeaseError:
                self._lost.set()
                return
            except RegistryUnavailableError:
                # Tried again at the next turn. If the store stays away, so do our writes.
                continue
