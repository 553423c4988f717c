"""What the command does at length, once and briefly: whatever dies, nothing is lost, and nobody has to help.

Here a single service without a quorum. One node of three that is killed or paused, and the service's own processes
killed, are part of `tests/cluster_chaos`, on the same kind of ring; `make chaos-cassandra` does all of them here.
"""

from __future__ import annotations

import random
import secrets
import sys
from collections.abc import Iterator

import pytest

from cassandra_server.cluster import CassandraCluster
from tests.cassandra_chaos.deployment import Deployment
from tests.cassandra_chaos.faults import Fault
from tests.cassandra_chaos.rounds import Rounds, suite_plan

pytestmark = [pytest.mark.cassandra, pytest.mark.cassandra_cluster, pytest.mark.timeout(600)]

SEED = 4
PLAN = suite_plan(random.Random(SEED))


@pytest.fixture(scope="module")
def rounds(cassandra_cluster: CassandraCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rounds]:
    """One deployment, on which people train all the while."""
    prefix = f"chaos_{secrets.token_hex(4)}"
    cassandra_cluster.wait_until_joined()
    with Deployment(cassandra_cluster, tmp_path_factory.mktemp("chaos"), prefix, SEED) as deployment:
        yield Rounds(deployment, lambda words: print(words, file=sys.stderr))
    # Its tables stay: three nodes that just came back take a minute to drop them, and the ring ends with the run.
    cassandra_cluster.wait_until_joined()


@pytest.mark.parametrize(("fault", "times"), PLAN, ids=[fault.name.replace(" ", "-") for fault, _ in PLAN])
def test_what_was_acknowledged_is_there_once_and_the_tables_equal_a_fold_after(
    rounds: Rounds, fault: Fault, times: int
) -> None:
    # Held against a fold in memory: three nodes on two cores take a minute to agree on the tables of a rebuild, which
    # the command makes after each fault.
    outcome = rounds.run(fault, times, rebuild=False)
    assert outcome.complaints == [], rounds.deployment.service.log[-8_000:]
    assert outcome.checked.judgement.acknowledged > 0
    assert (outcome.refused > 0) or fault.quorum
