"""Metrics of this process's part in its group, gathered when somebody asks; none where a process is alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakSet

from kinelog.actors.membership.port import Membership
from prometheus_client import REGISTRY, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

if TYPE_CHECKING:
    from kinelog.actors.shard_moves import ShardMoves

HANDOVER_SECONDS = Histogram(
    "kinelog_cluster_handover_seconds",
    "From asking a shard's last owner to let go until its answer",
    ("outcome",),
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
)

MOVES = {
    "taken": "taken",
    "handed_over": "handed-over",
    "overdue": "overdue",
    "given": "given",
    "forgotten": "forgotten",
}
"""Name in `MoveCounts` → label."""


def _is_draining(group: Membership) -> bool:
    me = group.me
    seen = [member for member in group.view().members if (member.name, member.life) == (me.name, me.life)]
    return me.draining or any(member.draining for member in seen)


_SHOWN: dict[str, tuple[str, Callable[[Membership], float]]] = {
    "joined": ("Whether this process is a member.", lambda group: group.view().joined),
    "draining": ("Whether it gives its shards away.", _is_draining),
    "members": ("Members that it sees, itself included.", lambda group: len(group.view().members)),
    "pins": ("Shards that somebody moved by hand.", lambda group: len(group.view().pins)),
    "lease_seconds": (
        "Time left in which nobody else can have been told that it is gone.",
        lambda group: group.lease_until_s() - time.monotonic(),
    ),
}


class GroupCollector(Collector):
    """Reads every membership that shards follow when the registry is scraped."""

    def __init__(self) -> None:
        self.moves: WeakSet[ShardMoves] = WeakSet()

    def describe(self) -> Iterable[Metric]:
        """No names in advance: registering must not need a group."""
        return []

    @override
    def collect(self) -> Iterator[Metric]:
        following = list(self.moves)
        memberships = [moves.membership for moves in following]
        info = GaugeMetricFamily("kinelog_cluster_node_info", "Who this process is.", labels=["node", "version"])
        for membership in memberships:
            info.add_metric([membership.me.name, membership.me.version], 1)
        yield info
        yield from (_gauge(name, text, memberships, value) for name, (text, value) in _SHOWN.items())
        changes = CounterMetricFamily("kinelog_cluster_view_changes", "Changes of the group that were seen.")
        moved = CounterMetricFamily("kinelog_cluster_moves", "Moves of shards.", labels=["outcome"])
        for moves in following:
            changes.add_metric([], moves.membership.view().number)
            for name, outcome in MOVES.items():
                moved.add_metric([outcome], getattr(moves.counts, name))
        yield from (changes, moved)


def _gauge(
    name: str, text: str, memberships: list[Membership], value: Callable[[Membership], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"kinelog_cluster_{name}", text)
    for membership in memberships:
        family.add_metric([], float(value(membership)))
    return family


COLLECTOR = GroupCollector()
REGISTRY.register(COLLECTOR)
