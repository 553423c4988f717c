"""The registry of generations as readers follow it: read again when it is old, or when a table turns out to be gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from kinelog.projections.cassandra.registry import Registry, Revision

CACHE_S = 0.5
"""How old the registry may be that a question is answered from; shorter than retired tables are kept."""


class LiveGenerations:
    """A cached registry. Thread-safe."""

    def __init__(self, registry: Registry, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Follow `registry` by this clock."""
        self._registry = registry
        self._clock_s = clock_s
        self._known: tuple[float, Revision] | None = None

    def revision(self, *, anew: bool = False) -> Revision:
        """The registry, at most `CACHE_S` old, or read just now.

        Raises:
            CassandraError: It cannot be read.
        """
        known = self._known
        asked = self._clock_s()
        if known is not None and not anew and asked < known[0] + CACHE_S:
            return known[1]
        # Threads may read it at the same time: one that waited for another's answer would also wait for its time-out.
        revision = self._registry.read()
        known = self._known
        if known is None or known[1].number <= revision.number:
            self._known = (asked, revision)
            return revision
        return known[1]
