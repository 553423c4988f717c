"""Servers for tests anywhere in the suite; registered in `tests/conftest.py`.

A machine without Java or Maven fails these tests: the database that they hold the code against is not optional.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cassandra_server.cluster import CassandraCluster
from cassandra_server.configuration import Options
from cassandra_server.errors import CassandraServerError
from tests.cassandra.shared_node import SharedNode, shared_node

if TYPE_CHECKING:
    from tests.cassandra.cql import CqlSession

StartCassandra = Callable[..., CassandraCluster]


@pytest.fixture(scope="session")
def cassandra_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedNode]:
    """One node, shared by all tests of the run and by all of pytest-xdist's workers; never to be harmed."""
    base = tmp_path_factory.getbasetemp()
    of_the_run = base.parent if base.name.startswith("popen-") else base  # xdist gives each worker a folder below
    try:
        with shared_node(of_the_run / "cassandra") as node:
            yield node
    except CassandraServerError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def cassandra_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CassandraCluster]:
    """Three nodes, owned by this process (the group runs without xdist). Who harms a node makes it well again.

    Before one is killed it writes down its schema.
    """
    try:
        cluster = CassandraCluster(
            tmp_path_factory.mktemp("cassandra-ring"), nodes=3, options=Options(short_lived=True, schema_in_memory=True)
        )
        cluster.start()
    except CassandraServerError as error:
        pytest.fail(str(error), pytrace=False)
    yield cluster
    cluster.kill()


@pytest.fixture
def start_cassandra(tmp_path: Path) -> Iterator[StartCassandra]:
    """Start servers of the test's own, to be stopped, killed, paused or configured as it likes."""
    started: list[CassandraCluster] = []

    def start(nodes: int = 1, options: Options | None = None) -> CassandraCluster:
        try:
            cluster = CassandraCluster(
                tmp_path / f"cassandra{len(started)}", nodes, options or Options(short_lived=True)
            )
            started.append(cluster)
            cluster.start()
        except CassandraServerError as error:
            pytest.fail(str(error), pytrace=False)
        return cluster

    yield start
    for cluster in started:
        cluster.kill()


@pytest.fixture(scope="session")
def cassandra_session(cassandra_node: SharedNode) -> Iterator[CqlSession]:
    """A plain session of the driver on the shared node."""
    from tests.cassandra.cql import open_session  # the driver takes half a second: only where it is used

    with open_session(cassandra_node.address) as session:
        yield session


@pytest.fixture
def keyspace_prefix(request: pytest.FixtureRequest) -> Iterator[str]:
    """A start for names of keyspaces that no other test has; those keyspaces are dropped afterwards.

    They are looked for on the three nodes if the test uses `cassandra_cluster`, else on the shared node.
    """
    prefix = re.sub(r"[^a-z0-9]+", "_", f"t_{request.node.name.lower()}")[:20].rstrip("_") + "_" + secrets.token_hex(4)
    if "cassandra_cluster" in request.fixturenames:
        cluster: CassandraCluster = request.getfixturevalue("cassandra_cluster")
        yield prefix
        from tests.cassandra.cql import open_session

        with open_session(cluster.nodes[0].address) as session:
            session.drop_keyspaces(prefix)
    else:
        session = request.getfixturevalue("cassandra_session")
        yield prefix
        session.drop_keyspaces(prefix)
