"""The table of metrics and what `/metrics` says agree, name by name and label by label."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import kinelog.actors.membership.metrics
import kinelog.journal.metrics
import kinelog.projections.metrics
import kinelog.routing.metrics
import kinelog.webhooks.metrics  # noqa: F401 - registered by being there
from kinelog.actors.membership.port import Member
from kinelog.actors.membership.single import SingleMembership
from kinelog.actors.region import Region, wall_clock_ms
from kinelog.actors.shard_moves import ShardMoves
from kinelog.api.fit_metrics import FitCollector
from kinelog.api.metrics import LagCollector, Meters
from kinelog.domain.commands import ReadUser
from kinelog.domain.identifiers import Person
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.lag import LagWatch
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from tests.routing.nodes import AnsweringRegion, eventually, two_nodes

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
PARTS_OF_HISTOGRAMS = re.compile(r"_(bucket|sum|count)$")


def table() -> dict[str, set[str]]:
    """Every metric that the document names, with its labels."""
    rows = re.findall(r"^\| `(kinelog_\w+)` \|([^|]*)\| \S", DOCUMENT.read_text(), re.MULTILINE)
    assert len({name for name, _ in rows}) == len(rows)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def shown() -> str:
    """What a node shows."""
    figures = CollectorRegistry()
    meters = Meters()
    meters.of_route("GET", "/").count(200, 0.01)
    meters.count_frames("stored", 1)
    figures.register(meters)
    figures.register(FitCollector(list, wall_clock_ms))
    figures.register(LagCollector(lambda: {0: 1}, lambda: {0: 0}, LagWatch(wall_clock_ms)))
    return (generate_latest(REGISTRY) + generate_latest(figures)).decode()


def families(text: str) -> set[str]:
    found = set(re.findall(r"^# TYPE (kinelog_\w+) ", text, re.MULTILINE))
    return {name for name in found if not name.endswith("_created")}


def labelled(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each sample's metric and labels."""
    for name, labels in re.findall(r"^(kinelog_\w+?)(?:\{(.*)\})? [^ ]+$", text, re.MULTILINE):
        if not name.endswith("_created"):
            yield PARTS_OF_HISTOGRAMS.sub("", name), set(re.findall(r'(\w+)="', labels)) - {"le"}


def test_every_metric_is_in_the_table_and_everything_in_the_table_is_a_metric() -> None:
    assert families(shown()) == set(table())


def test_samples_of_a_node_in_a_group_have_the_labels_of_the_table(tmp_path: Path) -> None:
    """A region that follows a group, and two nodes that ask each other."""
    me = Member(name="n1", life="0123456789abcdef", address="", version="1", reads=1)
    journal, keys = MemoryJournal(4), KeyStore.open(tmp_path / "keys")
    codec = EventCodec(keys)
    membership = SingleMembership(me)
    region = Region(journal, keys, codec, assigned=(), lease=membership.lease_until_s)
    moves = ShardMoves(region, membership, codec)

    async def whole() -> str:
        async with two_nodes(AnsweringRegion()) as (_, here, _there):
            await here.router.ask(Person("alpine", "p" * 16), ReadUser(at_ms=0))
            await eventually(lambda: all(shard.serving for shard in region.status()))
            return shown()

    region.start()
    moves.start()
    try:
        text = asyncio.run(whole())
    finally:
        moves.stop()
        region.stop()
        keys.close()
    described = table()
    seen = dict(labelled(text))
    for name, labels in seen.items():
        assert labels == described[name], name
    # Of hand-overs there are samples only where an earlier test of this process made some.
    apart = {"kinelog_cluster_handover_seconds"}
    for part in ("kinelog_cluster_", "kinelog_actors_", "kinelog_routing_"):
        with_samples = {name for name in seen if name.startswith(part)} - apart
        assert with_samples == {name for name in described if name.startswith(part)} - apart
    assert re.search(r'^kinelog_cluster_node_info\{node="n1",version="1"\} 1\.0$', text, re.MULTILINE)
    assert re.search(r"^kinelog_cluster_joined 1\.0$", text, re.MULTILINE)
    assert re.search(r'^kinelog_actors_epoch\{shard="3"\} 1\.0$', text, re.MULTILINE)
    assert re.search(r'^kinelog_actors_moves_total\{shard="3"\} 1\.0$', text, re.MULTILINE)
    assert re.search(r'^kinelog_routing_forwarded_total\{outcome="answered"\} 1\.0$', text, re.MULTILINE)
    assert re.search(r'^kinelog_routing_channel_connected\{node="b"\} 1\.0$', text, re.MULTILINE)
