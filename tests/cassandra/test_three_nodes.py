"""Three nodes on one machine are a ring that lives on without one of them."""

from __future__ import annotations

import pytest
from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.driver_connection import connect

from cassandra_server.cluster import CassandraCluster
from tests.cassandra.cql import open_session
from tests.cassandra.waiting import wait_until

pytestmark = [pytest.mark.cassandra, pytest.mark.cassandra_cluster]


def test_each_node_knows_the_two_others(cassandra_cluster: CassandraCluster) -> None:
    hosts = {node.address.host for node in cassandra_cluster.nodes}
    for node in cassandra_cluster.nodes:
        with open_session(node.address) as session:
            others = hosts - {node.address.host}
            # Written down a moment after gossip told of them.
            wait_until(
                lambda: {str(peer) for (peer,) in session.rows("SELECT peer FROM system.peers")} == others,  # noqa: B023
                f"{node.address.host} knows the others",
            )


def test_tables_that_are_made_together_are_known_to_every_node_at_once(
    cassandra_cluster: CassandraCluster, keyspace_prefix: str
) -> None:
    hosts = tuple(node.address.host for node in cassandra_cluster.nodes)
    connection = connect(CassandraAddress(hosts, cassandra_cluster.nodes[0].address.port, keyspace_prefix))
    replication = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}"
    tables = {f"things_{number}" for number in range(20)}
    try:
        connection.define(f"CREATE KEYSPACE {{log}} WITH replication = {replication}")
        connection.define_all([f"CREATE TABLE {{log}}.{table} (a int PRIMARY KEY)" for table in sorted(tables)])
    finally:
        connection.close()
    for node in cassandra_cluster.nodes:
        with open_session(node.address) as session:
            made = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?"
            assert {str(name) for (name,) in session.rows(made, connection.keyspaces.log)} == tables


def test_two_decide_while_the_third_is_paused_or_dead(
    cassandra_cluster: CassandraCluster, keyspace_prefix: str
) -> None:
    first, second, third = cassandra_cluster.nodes
    replicated = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}"
    insert = f"INSERT INTO {keyspace_prefix}.things (name) VALUES (?) IF NOT EXISTS"  # noqa: S608 - the test's own table
    with open_session(first.address) as session:
        session.rows(f"CREATE KEYSPACE {keyspace_prefix} WITH replication = {replicated}")
        session.rows(f"CREATE TABLE {keyspace_prefix}.things (name text PRIMARY KEY)")
        third.pause()
        try:
            assert session.rows(insert, "paused") == [(True,)]
        finally:
            third.resume()
        second.write_schema()
        second.kill()
        try:
            assert session.rows(insert, "dead") == [(True,)]
        finally:
            second.restart()
    cassandra_cluster.wait_until_joined()
    with open_session(second.address) as session:
        assert session.rows(insert, "dead") == [(False, "dead")]
