"""Figures of the interface: requests by route and status, latency, what is in flight, how far the views lag.

Requests are counted in plain integers on the event loop's thread (a labelled Prometheus counter with its lock would
cost a good share of the hot path) and become Prometheus families when somebody asks.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.lag import LagWatch
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class RouteMeter:
    """What happened on one route."""

    method: str
    template: str
    in_flight: int = 0
    seconds: float = 0.0
    by_status: dict[int, int] = field(default_factory=dict)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS_S) + 1))

    def count(self, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.by_status[status] = self.by_status.get(status, 0) + 1
        self.seconds += seconds
        self.buckets[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1


@dataclass(slots=True, eq=False)
class Meters(Collector):
    """All meters of one application."""

    routes: list[RouteMeter] = field(default_factory=list)
    frames: dict[str, int] = field(default_factory=dict)
    live_clients: int = 0
    live_cut_off: int = 0

    def of_route(self, method: str, template: str) -> RouteMeter:
        """A new meter for a route."""
        meter = RouteMeter(method, template)
        self.routes.append(meter)
        return meter

    def count_frames(self, outcome: str, number: int) -> None:
        """Count frames by what became of them."""
        self.frames[outcome] = self.frames.get(outcome, 0) + number

    @override
    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "kinelog_api_requests", "Requests answered", labels=["method", "route", "status"]
        )
        in_flight = GaugeMetricFamily("kinelog_api_requests_in_flight", "Requests being answered")
        latency = HistogramMetricFamily("kinelog_api_request_seconds", "Time to answer", labels=["method", "route"])
        for meter in self.routes:
            for status, number in list(meter.by_status.items()):
                requests.add_metric([meter.method, meter.template, str(status)], number)
            if meter.by_status:
                latency.add_metric([meter.method, meter.template], _cumulative(meter.buckets), meter.seconds)
        in_flight.add_metric([], sum(meter.in_flight for meter in self.routes))
        frames = CounterMetricFamily("kinelog_api_frames", "Frames by what became of them", labels=["outcome"])
        for outcome, number in list(self.frames.items()):
            frames.add_metric([outcome], number)
        clients = GaugeMetricFamily("kinelog_api_live_clients", "Open live streams", value=self.live_clients)
        cut_off = CounterMetricFamily("kinelog_api_live_cut_off", "Live clients that were too slow", self.live_cut_off)
        yield from (requests, in_flight, latency, frames, clients, cut_off)


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    bounds = [*map(str, LATENCY_BUCKETS_S), "+Inf"]
    total = 0
    cumulative: list[tuple[str, float]] = []
    for bound, number in zip(bounds, buckets, strict=True):
        total += number
        cumulative.append((bound, float(total)))
    return cumulative


@dataclass(slots=True, eq=False)
class LagCollector(Collector):
    """How far the views are behind the log, and whether they stand still.

    Asked in a thread at every scrape: the heads and the views' positions come from their stores.

    Attributes:
        heads: Head of each shard's log.
        as_of: Position of each shard that the views are folded up to.
    """

    heads: Callable[[], dict[int, int]]
    as_of: Callable[[], dict[int, int]]
    watch: LagWatch
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the stores."""
        return []

    @override
    def collect(self) -> Iterator[Metric]:
        head = GaugeMetricFamily("kinelog_journal_head", "Last position in the log", labels=["shard"])
        lag = GaugeMetricFamily("kinelog_projection_lag_events", "Events not in the views yet", labels=["shard"])
        stuck = GaugeMetricFamily(
            "kinelog_projection_stuck_seconds", "Time the views have stood still while behind", labels=["shard"]
        )
        readable = GaugeMetricFamily("kinelog_projection_readable", "Whether the views can be read")
        try:
            with self._lock:
                # The views first: what is committed between the two questions counts as lag, never as a negative one.
                as_of = self.as_of()
                heads = self.heads()
                lags = self.watch.observe(heads, as_of)
        except ViewsUnavailableError:
            readable.add_metric([], 0)
            yield readable
            return
        readable.add_metric([], 1)
        for shard, position in sorted(heads.items()):
            head.add_metric([str(shard)], position)
        for entry in lags:
            lag.add_metric([str(entry.shard)], entry.events)
            stuck.add_metric([str(entry.shard)], entry.not_moving_ms / 1000)
        yield from (readable, head, lag, stuck)
