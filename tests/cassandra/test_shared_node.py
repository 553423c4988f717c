"""The server that all tests of a run share."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.cassandra.cql import CqlSession, open_session
from tests.cassandra.shared_node import RUNNING, SharedNode, shared_node
from tests.cassandra.waiting import wait_until

pytestmark = pytest.mark.cassandra
MIB = 1024 * 1024
SETTINGS = {"paxos_variant": "v2", "commitlog_sync": "periodic", "auto_snapshot": "false", "num_tokens": "8"}


def test_it_is_the_pinned_version_with_the_settings_that_the_store_needs(cassandra_session: CqlSession) -> None:
    assert cassandra_session.rows("SELECT release_version, data_center FROM system.local") == [("5.0.6", "datacenter1")]
    for name, wanted in SETTINGS.items():
        found = cassandra_session.rows("SELECT value FROM system_views.settings WHERE name = ?", name)
        assert found == [(wanted,)], name


def test_it_takes_the_largest_commit(cassandra_session: CqlSession, keyspace_prefix: str) -> None:
    replicated = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}"
    cassandra_session.rows(f"CREATE KEYSPACE {keyspace_prefix} WITH replication = {replicated}")
    table = f"{keyspace_prefix}.commits"
    cassandra_session.rows(f"CREATE TABLE {table} (shard int, last int, body blob, PRIMARY KEY (shard, last))")
    one = f"INSERT INTO {table} (shard, last, body) VALUES (?, ?, ?) IF NOT EXISTS"  # noqa: S608 - the test's own table
    assert cassandra_session.rows(one, 0, 1, bytes(8 * MIB)) == [(True,)]
    two = f"BEGIN BATCH {one}; {one}; APPLY BATCH"
    assert cassandra_session.rows(two, 1, 1, bytes(4 * MIB), 1, 2, bytes(4 * MIB)) == [(True,)]


def test_nodetool_reaches_it(cassandra_node: SharedNode) -> None:
    assert f"UN  {cassandra_node.address.host}" in cassandra_node.nodetool("status")


def test_it_is_one_for_all_users_and_ends_after_the_last(tmp_path: Path) -> None:
    with shared_node(tmp_path) as last:
        with shared_node(tmp_path) as first:
            assert first == last
        with open_session(last.address) as session:
            assert session.rows("SELECT release_version FROM system.local") == [("5.0.6",)]
        owner = psutil.Process(_pid_of(last))
    wait_until(lambda: not owner.is_running(), "the server ends")
    wait_until(lambda: not (tmp_path / RUNNING).exists(), "it is no longer announced")
    wait_until(lambda: not (tmp_path / "node1" / "data").exists(), "its data is removed")
    assert last.log.exists()


def _pid_of(node: SharedNode) -> int:
    mark = f"-Dcom.sun.management.jmxremote.host={node.address.host}"
    # `process_iter` leaves out what ends while it looks: other servers come and go on this machine.
    servers = [found.info for found in psutil.process_iter(["pid", "name", "cmdline"])]
    [pid] = [server["pid"] for server in servers if server["name"] == "java" and mark in (server["cmdline"] or ())]
    assert isinstance(pid, int)
    return pid
