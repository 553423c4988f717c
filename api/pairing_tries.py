"""How often somebody may be wrong about pairing codes: who guesses must not come upon one while it waits.

A code has 40 random bits and waits for minutes. Only wrong codes count, by whoever sent them and by the tenant whose
codes they could have been, so that many addresses together are bounded too. The counts are this process's own.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from array import array
from collections.abc import Callable

SLOTS = 16_384
"""Counts of each kind. Where two share one they share its bound; where a table would grow or forget, somebody who makes
tenants up could fill the memory or have a real one's count forgotten."""

_MINUTE_NS = 60_000_000_000


class _WrongPerMinute:
    """Wrong codes by key, each count running down steadily: at most `most` at once, and as many a minute."""

    def __init__(self, most: int) -> None:
        self._spent_ns = _MINUTE_NS // most
        self._full_ns = self._spent_ns * most
        self._salt = secrets.token_bytes(16)
        self._empty_at_ns = array("q", bytes(8 * SLOTS))

    def wait_ns(self, key: str, now_ns: int) -> int:
        """How long until one more may be wrong; 0 for now."""
        return max(0, self._empty_at_ns[self._slot(key)] + self._spent_ns - now_ns - self._full_ns)

    def count(self, key: str, now_ns: int) -> None:
        slot = self._slot(key)
        self._empty_at_ns[slot] = max(self._empty_at_ns[slot], now_ns) + self._spent_ns

    def _slot(self, key: str) -> int:
        # Salted, so that nobody can choose whom to share a slot with.
        return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4, key=self._salt).digest()) % SLOTS


class PairingTries:
    """Wrong codes of the last minute; for one thread."""

    def __init__(self, of_network: int, of_tenant: int, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Allow so many a minute from one network for one tenant, and from everywhere for one tenant."""
        self._of_network = _WrongPerMinute(of_network)
        self._of_tenant = _WrongPerMinute(of_tenant)
        self._clock_ns = clock_ns

    def wait_s(self, tenant: str, network: str) -> float:
        """Seconds until a code of this tenant's may be tried from this network again; 0 for now."""
        now_ns = self._clock_ns()
        own = self._of_network.wait_ns(f"{tenant} {network}", now_ns)
        return max(own, self._of_tenant.wait_ns(tenant, now_ns)) / 1e9

    def was_wrong(self, tenant: str, network: str) -> None:
        """Count a wrong code."""
        now_ns = self._clock_ns()
        self._of_network.count(f"{tenant} {network}", now_ns)
        self._of_tenant.count(tenant, now_ns)
