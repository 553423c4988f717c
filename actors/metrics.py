"""Metrics of the regions in this process, gathered when somebody asks: the shards only keep plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakSet

from kinelog.actors.counts import COUNTED
from kinelog.actors.shard_life import ShardStatus
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

if TYPE_CHECKING:
    from kinelog.actors.region import Region
    from kinelog.actors.supervision import SupervisedShard

SHOWN: dict[str, tuple[str, Callable[[ShardStatus], float]]] = {
    "mailbox_depth": ("Commands taken and not answered.", lambda status: status.mailbox),
    "resident_entities": ("Entities in memory.", lambda status: status.residents),
    "assigned": ("Whether the shard should be served here.", lambda status: status.assigned),
    "serving": ("Whether the shard is served here.", lambda status: status.serving),
    "epoch": ("Epoch that this process holds, 0 for none.", lambda status: status.epoch),
}

CAME_AND_WENT: tuple[tuple[str, str, Callable[[ShardStatus], float]], ...] = (
    ("moves", "Times the shard came to this process.", lambda status: status.moves),
    ("restarts", "Crashes of the shard's actor.", lambda status: status.restarts),
)


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
        statuses = [shard.status() for shard in shards]
        yield from (_gauge(name, text, statuses, value) for name, (text, value) in SHOWN.items())
        for name, text, value in CAME_AND_WENT:
            counter = CounterMetricFamily(f"kinelog_actors_{name}", text, labels=["shard"])
            for status in statuses:
                counter.add_metric([str(status.shard)], value(status))
            yield counter


def _gauge(
    name: str, text: str, statuses: list[ShardStatus], value: Callable[[ShardStatus], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"kinelog_actors_{name}", text, labels=["shard"])
    for status in statuses:
        family.add_metric([str(status.shard)], value(status))
    return family


def _counter(name: str, text: str, shards: list[SupervisedShard]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"kinelog_actors_{name}", text, labels=["shard"])
    for shard in shards:
        family.add_metric([str(shard.shard)], shard.total(name))
    return family


COLLECTOR = RegionCollector()
REGISTRY.register(COLLECTOR)
