"""A server of one node: what is written survives, and the process never outlives its owner."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from cassandra import OperationTimedOut

from cassandra_server.addresses import free_addresses
from cassandra_server.cluster import CassandraCluster
from cassandra_server.configuration import Address, Options
from cassandra_server.errors import CassandraServerError, ServerDiedError
from tests.cassandra.cql import open_session
from tests.cassandra.fixtures import StartCassandra
from tests.cassandra.waiting import gone, wait_until
from tests.system.running_service import environment

pytestmark = pytest.mark.cassandra
TABLE = "CREATE TABLE kept.things (name text PRIMARY KEY, thing text)"
KEYSPACE = "CREATE KEYSPACE kept WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}"
INSERT = "INSERT INTO kept.things (name, thing) VALUES (?, ?) IF NOT EXISTS"
SELECT = "SELECT thing FROM kept.things WHERE name = ?"
START_TIMEOUT_S = 180.0


def test_data_outlives_kill_9_and_a_pause_only_delays_and_the_server_ends_with_its_keeper(
    start_cassandra: StartCassandra,
) -> None:
    node = start_cassandra(options=Options(commitlog_sync="batch", short_lived=True)).nodes[0]
    first_process = node.pid
    with open_session(node.address) as session:
        session.rows(KEYSPACE)
        session.rows(TABLE)
        session.rows(INSERT, "a", "before")
        node.pause()
        with pytest.raises(OperationTimedOut):
            session.rows(SELECT, "a", timeout_s=1.0)
        node.resume()
        assert session.rows(SELECT, "a") == [("before",)]
    node.kill()
    assert not node.running
    assert gone(first_process)
    node.restart()
    assert node.pid != first_process
    with open_session(node.address) as session:
        assert session.rows(SELECT, "a") == [("before",)]
    keeper = psutil.Process(node.pid).parent()
    assert keeper is not None
    node.pause()  # not even a stopped one is left behind
    os.kill(keeper.pid, signal.SIGKILL)
    wait_until(lambda: gone(node.pid), "the server's process ends")


def test_an_own_log_is_kept_and_shown_when_the_server_dies(tmp_path: Path) -> None:
    cluster = CassandraCluster(tmp_path, options=Options(heap="1M"))
    with pytest.raises(ServerDiedError, match=r"(?s)ended before it was ready.*console\.log.*Too small"):
        cluster.start()
    assert "Too small" in cluster.nodes[0].console.read_text()
    assert not cluster.nodes[0].running


def test_a_server_that_is_too_slow_is_killed_and_its_log_shown(tmp_path: Path) -> None:
    node = CassandraCluster(tmp_path).nodes[0]
    node.start()
    with pytest.raises(ServerDiedError, match=r"(?s)not ready in time.*system\.log"):
        node.wait_until_ready(timeout_s=0.0)
    assert gone(node.pid)


def test_one_folder_is_used_by_one_server(tmp_path: Path) -> None:
    first, second = CassandraCluster(tmp_path), CassandraCluster(tmp_path)
    assert first._held.take()
    with pytest.raises(CassandraServerError, match="another Cassandra runs on"):
        second.start()
    assert not second.nodes[0].running
    first.kill()


def test_a_ring_is_not_started_on_the_data_of_a_ring_of_another_size(tmp_path: Path) -> None:
    (tmp_path / "node1" / "data").mkdir(parents=True)
    with pytest.raises(CassandraServerError, match="holds a ring of 1, not 3"):
        CassandraCluster(tmp_path, nodes=3)


@contextmanager
def launched(folder: Path, address: Address, *command: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m cassandra_server`, which is killed should the test leave it."""
    arguments = ["--folder", str(folder), "--address", address.host, "--short-lived", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "cassandra_server", *arguments, *(["--", *command] if command else [])],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        try:
            yield launcher
        finally:
            launcher.kill()


def node_of(launcher: subprocess.Popen[str]) -> int:
    """The server's process, once it is ready."""
    assert launcher.stdout is not None
    pid = json.loads(launcher.stdout.readline())["nodes"][0]["pid"]
    assert isinstance(pid, int)
    return pid


def test_the_command_keeps_data_between_runs_and_stops_in_good_order(tmp_path: Path) -> None:
    [address] = free_addresses(1)
    with launched(tmp_path, address) as launcher:
        pid = node_of(launcher)
        with open_session(address) as session:
            session.rows(KEYSPACE)
            session.rows(TABLE)
            session.rows(INSERT, "a", "first run")
        launcher.send_signal(signal.SIGTERM)
        assert launcher.wait(START_TIMEOUT_S) == 0
        assert gone(pid)
    with launched(tmp_path, address) as launcher:
        node_of(launcher)
        with open_session(address) as session:
            assert session.rows(SELECT, "a") == [("first run",)]
        launcher.send_signal(signal.SIGINT)
        assert launcher.wait(START_TIMEOUT_S) == 0


def test_the_command_runs_another_with_the_store_filled_in_and_gives_its_exit_code(tmp_path: Path) -> None:
    [address] = free_addresses(1)
    program = "import sys; open(sys.argv[1], 'w').write(sys.argv[2]); sys.exit(7)"
    said = tmp_path / "said"
    with launched(tmp_path / "data", address, sys.executable, "-c", program, str(said), "{store}") as launcher:
        assert launcher.wait(START_TIMEOUT_S) == 7
    assert said.read_text() == f"cassandra://{address.contact_point}"


def test_the_server_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    [address] = free_addresses(1)
    with launched(tmp_path, address) as launcher:
        pid = node_of(launcher)
        launcher.send_signal(signal.SIGKILL)
        wait_until(lambda: gone(pid), "the server's process ends")


def test_an_interrupted_start_leaves_nothing(tmp_path: Path) -> None:
    [address] = free_addresses(1)
    with launched(tmp_path, address) as launcher:
        this = psutil.Process(launcher.pid)
        wait_until(lambda: len(this.children(recursive=True)) == 2, "its keeper has a server")
        below = [process.pid for process in this.children(recursive=True)]
        launcher.send_signal(signal.SIGINT)
        assert launcher.wait(START_TIMEOUT_S) == 130
    wait_until(lambda: all(map(gone, below)), "all processes end")


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    [address] = free_addresses(1)
    with socket.create_server((address.host, address.port)):
        done = subprocess.run(
            [sys.executable, "-m", "cassandra_server", "--folder", str(tmp_path), "--address", address.host],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
    assert done.returncode == 1
    assert f"cannot listen on {address.contact_point}" in done.stderr
    assert "Traceback" not in done.stderr
