"""The simulated world on a cluster: the same phones, nodes and machines, and a store whose every statement may go astray."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from kinelog.cassandra_session.connection import Keyspaces
from kinelog.journal.cassandra.fence_rules import ALL_RULES, FenceRules
from kinelog.journal.cassandra.procedures import Fence
from kinelog.journal.commit_row import CommitRow
from typing_extensions import override

from tests.simulation.cassandra_store import CassandraStore
from tests.simulation.cluster import log_table
from tests.simulation.cluster.faults import faults_of
from tests.simulation.cluster.link import Link
from tests.simulation.cluster.model import Cluster
from tests.simulation.cluster_journal import ClusterJournal
from tests.simulation.history import History
from tests.simulation.node import Node
from tests.simulation.node_store import NodeStore
from tests.simulation.world import AS_IT_IS, Variant, World


class Truth:
    """What the store did, whoever heard of it."""

    def __init__(self, journal: ClusterJournal) -> None:
        self.newest: tuple[int, str] = (0, "")
        self._journal = journal

    def appended(self, row: CommitRow) -> None:
        """A commit was applied."""
        self._journal.reached = max(self._journal.reached, row.last)


@dataclass(frozen=True, slots=True)
class ClusterVariant:
    """What runs on the cluster: by default everything as it is."""

    owners: Variant = AS_IT_IS
    fence: FenceRules = ALL_RULES


CLUSTER_AS_IT_IS = ClusterVariant()


class ClusterWorld(World):
    """Everything, on a cluster."""

    def __init__(
        self, seed: int, variant: ClusterVariant = CLUSTER_AS_IT_IS, trace: Callable[[str], None] | None = None
    ) -> None:
        self._rng_of_cluster = Random(f"cluster {seed}")
        self.faults = faults_of(self._rng_of_cluster)
        self.cluster = Cluster(lambda: self.clockwork.now_ms * 1_000, Keyspaces.of("sim"))
        self.cluster.define(log_table.TABLE)
        self._fence = Fence(self.faults.bucket_bytes, variant.fence)
        self.truth: Truth
        super().__init__(seed, variant.owners, trace)
        self.link = Link(
            self.clockwork, self._rng_of_cluster, self.cluster, self.faults, lambda: self._faulty, self.note
        )
        self.note(str(self.faults))

    @override
    def make_journal(self) -> ClusterJournal:
        journal = ClusterJournal(self.cluster)
        self.truth = Truth(journal)
        return journal

    @override
    def make_store(self, node: Node) -> NodeStore:
        return CassandraStore(self, node, self._fence)

    @override
    def run(self) -> History:
        history = super().run()
        self.cluster.settle()
        return history


def simulate_on_cluster(
    seed: int, variant: ClusterVariant = CLUSTER_AS_IT_IS, trace: Callable[[str], None] | None = None
) -> History:
    """Run one seed."""
    return ClusterWorld(seed, variant, trace).run()
