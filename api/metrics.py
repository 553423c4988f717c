"""Figures of the interface: requests by route and status, latency, what is in flight, how far the views lag.

Requests are counted in plain integers on the event loop's thread (a labelled Prometheus counter with its lock would cost
a good share of the hot path) and become Prometheus families when somebody asks.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

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


@dataclass(slots=True)
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
        requests = CounterMetricFamily("kinelog_api_requests", "Requests answered", labels=["method", "route", "status"])
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


@dataclass(slots=True)
class LagCollector(Collector):
    """How far the views are behind the log, and whether either stands still.

    Asked in a thread at every scrape: the heads and the views' positions come from their stores.

    Attributes:
        heads: Head of each shard's log.
        as_of: Position of each shard that the views are folded up to.
    """

    heads: Callable[[], dict[int, int]]
    as_of: Callable[[], dict[int, int]]
    monotonic: Callable[[], float] = time.monotonic
    _head_since: dict[int, tuple[int, float]] = field(default_factory=dict)
    _view_since: dict[int, tuple[int, float]] = field(default_factory=dict)

    @override
    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the stores."""
        return []

    @override
    def collect(self) -> Iterator[Metric]:
        # The views first: what is committed between the two questions then counts as lag, never as a negative one.
        as_of, heads, now = self.as_of(), self.heads(), self.monotonic()
        head = GaugeMetricFamily("kinelog_journal_head", "Last position in the log", labels=["shard"])
        still = GaugeMetricFamily("kinelog_journal_head_still_seconds", "Time since it was seen to move", labels=["shard"])
        lag = GaugeMetricFamily("kinelog_projection_lag_events", "Events not in the views yet", labels=["shard"])
        stuck = GaugeMetricFamily(
            "kinelog_projection_stuck_seconds", "Time the views have stood still while behind", labels=["shard"]
        )
        for shard, position in sorted(heads.items()):
            viewed = as_of.get(shard, 0)
            behind = max(0, position - viewed)
            labels = [str(shard)]
            head.add_metric(labels, position)
            still.add_metric(labels, _still(self._head_since, shard, position, now))
            lag.add_metric(labels, behind)
            standing = _still(self._view_since, shard, viewed, now)
            stuck.add_metric(labels, standing if behind else 0.0)
        yield from (head, still, lag, stuck)


def _still(since: dict[int, tuple[int, float]], shard: int, position: int, now: float) -> float:
    known = since.get(shard)
    if known is None or known[0] != position:
        since[shard] = (position, now)
        return 0.0
    return now - known[1]
