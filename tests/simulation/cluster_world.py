"""The simulated world on a cluster: the same phones, nodes and machines; every statement to the store may go astray."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from random import Random
from typing import Protocol
from unittest.mock import patch

from kinelog.cassandra_session.connection import Connection, Keyspaces
from kinelog.journal.cassandra import entity_blocks, entity_events, log_reader, log_rows, log_tail
from kinelog.journal.cassandra.entity_events import EntityEvents
from kinelog.journal.cassandra.entity_recovery import EntityRecovery
from kinelog.journal.cassandra.fence_rules import ALL_RULES, FenceRules
from kinelog.journal.cassandra.journal import CassandraLog
from kinelog.journal.cassandra.log_rows import LogRows
from kinelog.journal.cassandra.procedures import Fence
from kinelog.journal.cassandra.schema import LOG_SCHEMA
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.errors import JournalError
from kinelog.journal.records import Positioned
from typing_extensions import override

from tests.simulation import indexers
from tests.simulation.cassandra_store import IDENTITY, INCARNATION, CassandraStore
from tests.simulation.clockwork import Clockwork
from tests.simulation.cluster.client import Client
from tests.simulation.cluster.faults import faults_of
from tests.simulation.cluster.link import Link
from tests.simulation.cluster.model import Cluster
from tests.simulation.cluster_journal import ClusterJournal
from tests.simulation.history import History
from tests.simulation.node import Node
from tests.simulation.node_store import SHARD, NodeStore
from tests.simulation.world import AS_IT_IS, Variant, World

TABLES = [statement for migration in LOG_SCHEMA.migrations for statement in migration.statements]


class Truth:
    """What the store did, whoever heard of it."""

    def __init__(self, journal: ClusterJournal) -> None:
        self.newest: tuple[int, str] = (0, "")
        self.journal = journal

    def appended(self, row: CommitRow) -> None:
        """A commit was applied."""
        self.journal.reached = max(self.journal.reached, row.last)


class Recoveries(Protocol):
    """Makes what recovers entities in a process."""

    def __call__(
        self, connection: Connection, incarnation: str, shards: int, log: LogRows, tail_bytes: int
    ) -> EntityRecovery: ...


@dataclass(frozen=True, slots=True)
class ClusterVariant:
    """What runs on the cluster: by default everything as it is.

    Attributes:
        by_the_clock: Tables whose writes are stamped with a clock instead of a position.
    """

    owners: Variant = AS_IT_IS
    fence: FenceRules = ALL_RULES
    recovery: Recoveries = EntityRecovery
    index: Callable[[Connection, str], EntityEvents] = EntityEvents
    by_the_clock: frozenset[str] = frozenset()


CLUSTER_AS_IT_IS = ClusterVariant()


class ClusterWorld(World):
    """Everything, on a cluster."""

    def __init__(
        self, seed: int, variant: ClusterVariant = CLUSTER_AS_IT_IS, trace: Callable[[str], None] | None = None
    ) -> None:
        rng = Random(f"cluster {seed}")
        self.variant = variant
        self.faults = faults_of(rng)
        self.fence = Fence(self.faults.bucket_bytes, variant.fence)
        self.clockwork = Clockwork()
        cluster = Cluster(lambda: self.clockwork.now_ms * 1_000, Keyspaces.of("sim"))
        for cql in TABLES:
            cluster.define(cql)
        cluster.by_the_clock = variant.by_the_clock
        self.link = Link(self.clockwork, rng, cluster, self.faults, lambda: self.faulty, self.note)
        self.truth = Truth(ClusterJournal(cluster))
        with small_blocks(self.faults.block_bytes):
            super().__init__(seed, variant.owners, trace)

    @override
    def make_journal(self) -> ClusterJournal:
        return self.truth.journal

    @override
    def make_clockwork(self) -> Clockwork:
        return self.clockwork

    @override
    def make_store(self, node: Node) -> NodeStore:
        return CassandraStore(self, node)

    @override
    def run(self) -> History:
        self.note(str(self.faults))
        with small_blocks(self.faults.block_bytes):
            indexers.start(self)
            history = super().run()
            self.link.cluster.settle()
            history.complaints += wrong_replays(self)
        return history


def wrong_replays(world: ClusterWorld) -> list[str]:
    """What a process that comes new reads of each entity, against the log."""
    events: dict[str, list[Positioned]] = {}
    for positioned in world.truth.journal.read(SHARD, 0, 1 << 30):
        events.setdefault(positioned.event.entity, []).append(positioned)
    client = Client(world.link, lambda: True, lambda: True)
    log = CassandraLog(client, IDENTITY, bucket_bytes=world.faults.bucket_bytes)
    recovery = EntityRecovery(client, INCARNATION, 1, log.reader, world.faults.tail_bytes)
    complaints: list[str] = []
    for entity, expected in events.items():
        try:
            found = list(recovery.replay(SHARD, entity, 0))
        except JournalError as error:
            complaints.append(f"4: {entity} cannot be read: {error}")
        else:
            if found != expected:
                complaints.append(f"4: {entity} has {len(found)} events by the index, {len(expected)} in the log")
    return complaints


@contextmanager
def small_blocks(block_bytes: int) -> Iterator[None]:
    """Let blocks, stretches and reads of the index be so small that their borders are met all the time."""
    sizes = {
        (entity_blocks, "BLOCK_BYTES"): block_bytes,
        (entity_blocks, "ROW_BYTES"): 300,
        (entity_blocks, "STRETCH_EVENTS"): 7,
        (log_tail, "BLOCK_BYTES"): block_bytes,
        (log_tail, "POLL_BYTES"): block_bytes // 2,
        (entity_events, "READ_ROWS"): 3,
        (log_reader, "FEWEST_ROWS"): 4,
        (log_rows, "FEWEST_ROWS"): 4,
    }
    with ExitStack() as patches:
        for (module, name), size in sizes.items():
            patches.enter_context(patch.object(module, name, size))
        yield


def simulate_on_cluster(
    seed: int, variant: ClusterVariant = CLUSTER_AS_IT_IS, trace: Callable[[str], None] | None = None
) -> History:
    """Run one seed."""
    return ClusterWorld(seed, variant, trace).run()
