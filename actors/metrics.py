"""Metrics of the regions in this process, gathered when somebody asks: the shards only keep plain numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakSet

from kinelog.actors.counts import COUNTED
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

if TYPE_CHECKING:
    from kinelog.actors.region import Region
    from kinelog.actors.supervision import SupervisedShard


class RegionCollector(Collector):
    """Reads every running region when the registry is scraped: nothing is touched on the way of a frame."""

    def __init__(self) -> None:
        self.regions: WeakSet[Region] = WeakSet()

    def describe(self) -> Iterable[Metric]:
        """No names in advance: registering must not need a region."""
        return []

    @override
    def collect(self) -> Iterator[Metric]:
        shards = [shard for region in list(self.regions) for shard in region.shards]
        yield from (_counter(name, text, shards) for name, text in COUNTED.items())
        depth = GaugeMetricFamily("kinelog_actors_mailbox_depth", "Commands taken and not answered.", labels=["shard"])
        residents = GaugeMetricFamily("kinelog_actors_resident_entities", "Entities in memory.", labels=["shard"])
        serving = GaugeMetricFamily("kinelog_actors_serving", "Whether the shard is served.", labels=["shard"])
        restarts = CounterMetricFamily("kinelog_actors_restarts", "Crashes of the shard's actor.", labels=["shard"])
        for shard in shards:
            label, machine = [str(shard.shard)], shard.machine
            depth.add_metric(label, shard.mailbox.depth)
            residents.add_metric(label, 0 if machine is None else len(machine.residents))
            serving.add_metric(label, float(machine is not None and machine.serving))
            restarts.add_metric(label, shard.restarts)
        yield from (depth, residents, serving, restarts)


def _counter(name: str, text: str, shards: list[SupervisedShard]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"kinelog_actors_{name}", text, labels=["shard"])
    for shard in shards:
        family.add_metric([str(shard.shard)], shard.total(name))
    return family


COLLECTOR = RegionCollector()
REGISTRY.register(COLLECTOR)
