"""A Cassandra of this run's own, with enough memory for a benchmark, and logs in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.driver_connection import DriverConnection, connect
from kinelog.cassandra_session.migrations import apply_schema
from kinelog.journal.cassandra.schema import LOG_SCHEMA

from cassandra_server.cluster import CassandraCluster
from cassandra_server.configuration import Options

HEAP = "2G"
"""With less, a server under this load collects garbage most of the time, and the figures are those of its collector."""


@contextmanager
def cassandra_ring(nodes: int, folder: Path | None = None, heap: str = HEAP) -> Iterator[CassandraCluster]:
    """Nodes on loopback addresses of their own, with nothing in them; they and their data are gone afterwards."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="kinelog-cassandra-") as name:
        cluster = CassandraCluster(Path(name), nodes, Options(heap=heap))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.kill()  # nothing of it is kept, so there is nothing to wait for


def deployment(cluster: CassandraCluster, prefix: str) -> CassandraAddress:
    """Where a deployment in this ring lies: every node has a copy of everything."""
    addresses = [node.address for node in cluster.nodes]
    hosts = tuple(address.host for address in addresses)
    return CassandraAddress(hosts, addresses[0].port, prefix, replication=len(addresses))


@contextmanager
def connected(address: CassandraAddress) -> Iterator[DriverConnection]:
    """A connection to a deployment that has an empty log."""
    connection = connect(address)
    try:
        apply_schema(connection, [LOG_SCHEMA])
        yield connection
    finally:
        connection.close()
