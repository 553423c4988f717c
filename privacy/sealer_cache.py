"""A bounded cache of sealers that is read without a lock."""

from __future__ import annotations

import threading

from kinelog.privacy.sealing import Sealer

Key = tuple[str, str]
"""Tenant and pseudonym."""


class SealerCache:
    """Two generations: what is used stays in the young one, what was not used for a generation falls out.

    A least-recently-used list would need a lock on every hit; a look into a dictionary needs none.
    """

    def __init__(self, capacity: int) -> None:
        """Hold at most `capacity` sealers."""
        self._generation = max(1, capacity // 2)
        self._young: dict[Key, Sealer] = {}
        self._old: dict[Key, Sealer] = {}
        self._barred: set[Key] = set()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Sealer | None:
        """The cached sealer, if any."""
        sealer = self._young.get(key)
        if sealer is None and (sealer := self._old.get(key)) is not None:
            return self.put(key, sealer)
        return sealer

    def put(self, key: Key, sealer: Sealer) -> Sealer | None:
        """Keep a sealer, and return it; None if the person was barred in the meantime."""
        with self._lock:
            # Asked under the lock: a key that was read just before its erasure must not come in after it.
            if key in self._barred:
                return None
            if len(self._young) >= self._generation:
                self._old, self._young = self._young, {}
            self._young[key] = sealer
            return sealer

    def bar(self, key: Key) -> None:
        """Drop a person's sealer for good."""
        with self._lock:
            self._barred.add(key)
            self._young.pop(key, None)
            self._old.pop(key, None)

    def barred(self, key: Key) -> bool:
        """Whether the person was dropped for good."""
        return key in self._barred

    def __len__(self) -> int:
        """Sealers held."""
        return len(self._young) + len(self._old)
