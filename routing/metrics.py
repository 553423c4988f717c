"""Metrics of routers and their channels, gathered when somebody asks: on the way of a question only numbers change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakSet

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

if TYPE_CHECKING:
    from kinelog.routing.router import Router


class RoutingCollector(Collector):
    """Reads every router of this process when the registry is scraped."""

    def __init__(self) -> None:
        self.routers: WeakSet[Router] = WeakSet()

    def describe(self) -> Iterable[Metric]:
        """No names in advance: registering must not need a router."""
        return []

    @override
    def collect(self) -> Iterator[Metric]:
        routers = list(self.routers)
        forwarded = CounterMetricFamily(
            "kinelog_routing_forwarded", "Questions to other nodes by what came of them.", labels=["outcome"]
        )
        for router in routers:
            for outcome, number in router.counts.by_outcome().items():
                forwarded.add_metric([outcome], number)
        repeated = CounterMetricFamily(
            "kinelog_routing_repeated", "Times that a command was put again, here or elsewhere."
        )
        repeated.add_metric([], sum(router.counts.repeated for router in routers))
        yield from (forwarded, repeated, *_channels(routers))


def _channels(routers: list[Router]) -> Iterator[Metric]:
    connected = GaugeMetricFamily("kinelog_routing_channel_connected", "Whether it is open.", labels=["node"])
    in_flight = GaugeMetricFamily("kinelog_routing_channel_in_flight", "Questions not answered.", labels=["node"])
    size = GaugeMetricFamily("kinelog_routing_channel_in_flight_bytes", "Their bytes.", labels=["node"])
    reconnects = CounterMetricFamily("kinelog_routing_channel_reconnects", "Times it was opened anew.", labels=["node"])
    for router in routers:
        for channel in router.channels():
            connected.add_metric([channel.node], float(channel.connected))
            in_flight.add_metric([channel.node], channel.in_flight)
            size.add_metric([channel.node], channel.in_flight_bytes)
            reconnects.add_metric([channel.node], channel.reconnects)
    yield from (connected, in_flight, size, reconnects)


COLLECTOR = RoutingCollector()
REGISTRY.register(COLLECTOR)
