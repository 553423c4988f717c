"""Figures of the nightly fit: whether there was one. It serves nothing itself, so those say it who serve."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from kinelog.registry.errors import RegistryUnavailableError
from kinelog.registry.records import RunEntry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

ASKED_AGAIN_MS = 60_000
"""Nights are long: the store is not asked at every scrape of every node."""


@dataclass(slots=True, eq=False)
class FitCollector(Collector):
    """When the newest night was recorded. Asked in a thread at every scrape.

    A night without a record, because nobody started it or it failed, shows by the figure standing still; a deployment
    that never had one has no figure.

    Attributes:
        newest_run: The newest night in the model store, in a list, which is empty where there never was one.
        clock_ms: Unix milliseconds.
    """

    newest_run: Callable[[], Sequence[RunEntry]]
    clock_ms: Callable[[], int]
    _asked_ms: int | None = None
    _newest_ms: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the store."""
        return []

    @override
    def collect(self) -> Iterator[Metric]:
        newest = GaugeMetricFamily("kinelog_fit_last_run_timestamp_seconds", "When the newest night was recorded")
        with self._lock:
            at_ms = self._newest()
        if at_ms is not None:
            newest.add_metric([], at_ms / 1000)
        yield newest

    def _newest(self) -> int | None:
        now = self.clock_ms()
        if self._asked_ms is None or now - self._asked_ms >= ASKED_AGAIN_MS:
            try:
                runs = self.newest_run()
            except RegistryUnavailableError:
                return self._newest_ms  # as far as we know; whether the store answers has figures of its own
            self._asked_ms, self._newest_ms = now, runs[0].at_ms if runs else None
        return self._newest_ms
