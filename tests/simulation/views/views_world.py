"""Workers that fold one log into one cluster's tables at the same time, and are stopped, doubled and overtaken."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

from kinelog.cassandra_session.connection import Connection, Keyspaces, Value
from kinelog.projections import worker
from kinelog.projections.cassandra import registry
from kinelog.projections.cassandra.cassandra_views import CassandraViews
from kinelog.projections.cassandra.generations import Clocks
from kinelog.projections.cassandra.registry import Registry
from kinelog.projections.cassandra.schema import VIEWS_SCHEMA

from tests.simulation.clockwork import START_MS, Clockwork
from tests.simulation.cluster.client import Client
from tests.simulation.cluster.faults import faults_of
from tests.simulation.cluster.link import Link
from tests.simulation.cluster.model import Cluster
from tests.simulation.views.floor import SHARDS, SimulatedFloor
from tests.simulation.views.view_worker import ViewWorker

MakeStore = Callable[[Connection, Clocks], CassandraViews]
Tables = dict[str, list[tuple[Value, ...]]]

HEALED_MS = 8_000
END_MS = 200_000
KEYSPACES = Keyspaces.of("sim")


def store_as_it_is(connection: Connection, clocks: Clocks) -> CassandraViews:
    """The store of the views as it is."""
    return CassandraViews(connection, SHARDS, clocks=clocks)


class ViewsWorld:
    """A floor, a cluster and two workers."""

    def __init__(
        self,
        seed: int,
        make_store: MakeStore = store_as_it_is,
        by_the_clock: Container[str] = frozenset(),
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.rng = Random(f"views {seed}")
        self.clockwork = Clockwork()
        self.floor = SimulatedFloor()
        drawn = faults_of(self.rng)
        # A batch is a hundred statements, which are sent one after the other here.
        self.faults = replace(drawn, slow_ms=min(drawn.slow_ms, 8))
        self.batch_events = self.rng.choice((1, 4, 12, 2_048))
        self.rest_ms = self.rng.choice((20, 200, 1_000))
        self.cluster = _cluster(self.clockwork)
        self.cluster.by_the_clock = by_the_clock
        self.link = Link(self.clockwork, self.rng, self.cluster, self.faults, lambda: self.faulty, self._note)
        self._make_store = make_store
        self._trace = trace
        self.workers = [ViewWorker(self), ViewWorker(self)]

    @property
    def faulty(self) -> bool:
        """Whether things still go wrong."""
        return self.clockwork.now_ms < START_MS + HEALED_MS

    def new_store(self, connection: Connection) -> CassandraViews:
        """A process's own store of the views."""
        return self._make_store(connection, self._clocks())

    def somebody_is_erased(self) -> None:
        """Often when a worker has read events and not yet written their rows."""
        if self.faulty and self.rng.random() < 0.6:
            self.floor.erase_somebody(self.rng)

    def run(self) -> list[str]:
        """Run one seed; what is wrong with the tables in the end."""
        with simulated_time(self.clockwork, self.batch_events):
            rng, later = self.rng, self.clockwork.later
            for process in self.workers:
                later(rng.randint(0, 2_000), process.step)
            for _ in range(rng.choice((0, 2, 5))):
                later(rng.randint(100, HEALED_MS), partial(rng.choice(self.workers).pause, rng.randint(50, 4_000)))
            for _ in range(rng.choice((0, 0, 2, 5))):
                later(rng.randint(100, HEALED_MS), rng.choice(self.workers).crash)
            for _ in range(rng.choice((15, 60, 120))):
                later(rng.randint(0, HEALED_MS), partial(self.floor.go_on, rng))
            self.clockwork.run_until(START_MS + HEALED_MS)
            for process in self.workers:
                process.go_on()
            while self.clockwork.now_ms < START_MS + END_MS and not self._all_folded():
                self.clockwork.run_until(self.clockwork.now_ms + 1_000)
            # What is late arrives, and both look once more at what the other one did.
            self.clockwork.run_until(self.clockwork.now_ms + 12_000)
            self.cluster.settle()
            return self._judge() if self._all_folded() else ["liveness: the workers did not come to the log's end"]

    def _judge(self) -> list[str]:
        found = contents(self.cluster)
        with simulated_time(self.clockwork, 100_000):
            expected = contents(self._folded_at_once())
        complaints = []
        for name in sorted(found.keys() | expected.keys()):
            here, there = found.get(name, []), expected.get(name, [])
            surplus = [row for row in here if row not in there]
            missing = [row for row in there if row not in here]
            if surplus or missing:
                complaints.append(f"9: {name} has {surplus[:3]} and lacks {missing[:3]}")
        return complaints

    def _folded_at_once(self) -> Cluster:
        """The tables that one worker makes of the whole log while nothing goes wrong."""
        cluster = _cluster(self.clockwork)
        link = Link(self.clockwork, Random(0), cluster, self.faults, lambda: False, lambda _line: None)
        client = Client(link, lambda: True, lambda: True)
        self.floor.new_worker(store_as_it_is(client, self._clocks())).catch_up()
        return cluster

    def _all_folded(self) -> bool:
        heads = {shard: self.floor.journal.head(shard) for shard in range(SHARDS)}
        offsets = self.cluster.tables[f"{KEYSPACES.views}.offsets"].contents()
        folded = {(key[0], key[2]): values["position"] for key, values in offsets}
        views = {view for view, _ in folded}
        return bool(views) and all(
            folded.get((view, shard), 0) == head for view in views for shard, head in heads.items()
        )

    def _clocks(self) -> Clocks:
        return Clocks(lambda: self.clockwork.now_ms, lambda: self.clockwork.now_ms / 1_000, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.clockwork.run_until(self.clockwork.now_ms + int(seconds * 1_000))

    def _note(self, line: str) -> None:
        if self._trace is not None:
            self._trace(f"{self.clockwork.now_ms - START_MS:>7} {line}")


def contents(cluster: Cluster) -> Tables:
    """Every row of every live generation, and how far each is folded; names without generations.

    Left out are the lists of blocks in which rows of the live stream once stood, whoever's.
    """
    link = Link(Clockwork(), Random(0), cluster, faults_of(Random(0)), lambda: False, lambda _line: None)
    registered = Registry(Client(link, lambda: True, lambda: True)).read().document
    found: Tables = {}
    for generation in registered.generations:
        if generation.state != "live":
            continue
        for table in generation.tables:
            if not table.startswith("blocks_"):
                rows = cluster.tables[f"{cluster.keyspaces.views}.{table}"].contents()
                name = table.removesuffix(f"_{generation.generation}")
                found[name] = [(*key, *values.values()) for key, values in rows]
        for shared in ("offsets", "parked"):
            rows = cluster.tables[f"{cluster.keyspaces.views}.{shared}"].contents()
            own = [(key, values) for key, values in rows if key[:2] == (generation.view, generation.generation)]
            found[f"{shared} of {generation.view}"] = [(*key[2:], *values.values()) for key, values in own]
    return found


@contextmanager
def simulated_time(clockwork: Clockwork, batch_events: int) -> Iterator[None]:
    """Let whoever sleeps do so in simulated time; let batches be small."""

    def sleep(seconds: float) -> None:
        clockwork.run_until(clockwork.now_ms + int(seconds * 1_000))

    with (
        patch.object(worker, "BATCH_EVENTS", batch_events),
        patch.object(registry, "time", SimpleNamespace(sleep=sleep)),
    ):
        yield


def _cluster(clockwork: Clockwork) -> Cluster:
    cluster = Cluster(lambda: clockwork.now_ms * 1_000, KEYSPACES)
    for migration in VIEWS_SCHEMA.migrations:
        for cql in migration.statements:
            cluster.define(cql)
    return cluster
