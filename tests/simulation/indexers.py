"""Processes that copy the log into the index of entities: late, doubled, standing still half-way, building it anew."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kinelog.journal.cassandra.entity_events import EntityEvents
from kinelog.journal.cassandra.indexer import Indexer, IndexRebuild
from kinelog.journal.cassandra.journal import CassandraLog
from kinelog.journal.errors import JournalError

from tests.simulation.cassandra_store import IDENTITY, INCARNATION
from tests.simulation.cluster.client import Client
from tests.simulation.node_store import SHARD

QUIET_MS = 3_000
"""Rest once nothing goes wrong any more and little is said."""

if TYPE_CHECKING:
    from tests.simulation.cluster_world import ClusterWorld


class IndexerProcess:
    """Copies block after block."""

    def __init__(self, world: ClusterWorld, rest_ms: int) -> None:
        self._world = world
        self._rest_ms = rest_ms
        self._awake = True
        client = Client(world.link, lambda: True, lambda: self._awake)
        self._log = CassandraLog(client, IDENTITY, bucket_bytes=world.faults.bucket_bytes)
        self._index: EntityEvents = world.variant.index(client, INCARNATION)
        self._indexer = Indexer(self._index, self._log.reader, [SHARD])

    def step(self) -> None:
        """Copy a block if there is one, then rest."""
        world = self._world
        try:
            if self._awake and self._indexer.step():
                world.link.met["a block was indexed"] += 1
        except JournalError:
            world.link.met["a block was not indexed"] += 1
        rest_ms = self._rest_ms if world.faulty else QUIET_MS
        world.clockwork.later(world.rng.randint(1, rest_ms), self.step)

    def stand_still(self, length_ms: int) -> None:
        """Stop wherever it is, and go on later."""
        if self._awake:
            self._awake = False
            self._world.clockwork.later(length_ms, self._go_on)

    def rebuild(self) -> None:
        """Build the index anew beside everything else."""
        world = self._world
        rebuild = IndexRebuild(self._index, self._log.reader, SHARD)
        try:
            if world.rng.random() < 0.3:
                rebuild.start_over()
            elif rebuild.run(lambda _done, _all: None, lambda: False):
                world.link.met["the index was rebuilt"] += 1
        except JournalError:
            world.clockwork.later(world.rng.randint(50, 1_000), self.rebuild)

    def _go_on(self) -> None:
        self._awake = True


def start(world: ClusterWorld) -> list[IndexerProcess]:
    """Start what a run has of them."""
    processes = [IndexerProcess(world, rest_ms) for rest_ms in world.faults.indexers]
    for process in processes:
        world.clockwork.later(world.rng.randint(0, 500), process.step)
    for at_ms, length_ms in world.faults.indexer_stops if processes else ():
        world.clockwork.later(at_ms, partial(world.rng.choice(processes).stand_still, length_ms))
    for at_ms in world.faults.rebuilds:
        world.clockwork.later(at_ms, IndexerProcess(world, 1_000).rebuild)
    return processes
