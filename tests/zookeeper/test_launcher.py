"""A ZooKeeper of one's own: what is written survives, its log is kept, and it never outlives its owner."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from tests.cassandra.waiting import gone, wait_until
from tests.system.running_service import environment
from zookeeper_server import jars
from zookeeper_server.addresses import Address, free_addresses
from zookeeper_server.ensemble import ZooKeeperEnsemble
from zookeeper_server.errors import ServerDiedError, ZooKeeperServerError

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("zookeeper")]
TIMEOUT_S = 60.0


@contextmanager
def launched(folder: Path, address: Address, *command: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m zookeeper_server`, which is killed should the test leave it."""
    with subprocess.Popen(
        [sys.executable, "-m", "zookeeper_server", "--folder", str(folder), "--address", address.host, "--json"]
        + (["--", *command] if command else []),
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        try:
            yield launcher
        finally:
            launcher.kill()


def server_of(launcher: subprocess.Popen[str]) -> int:
    """The server's process, once it is ready."""
    assert launcher.stdout is not None
    pid = json.loads(launcher.stdout.readline())["servers"][0]["pid"]
    assert isinstance(pid, int)
    return pid


@contextmanager
def connected(address: Address) -> Iterator[KazooClient]:
    client = KazooClient(address.for_clients)
    client.start()
    try:
        yield client
    finally:
        client.stop()
        client.close()


def test_what_was_written_is_there_at_the_next_start_and_a_signal_ends_it_in_good_order(tmp_path: Path) -> None:
    [address] = free_addresses(1)
    with launched(tmp_path, address) as launcher:
        pid = server_of(launcher)
        with connected(address) as client:
            client.create("/kept", b"first run")
        launcher.send_signal(signal.SIGTERM)
        assert launcher.wait(TIMEOUT_S) == 0
        assert gone(pid)
    with launched(tmp_path, address) as launcher:
        pid = server_of(launcher)
        with connected(address) as client:
            assert client.get("/kept")[0] == b"first run"
        launcher.send_signal(signal.SIGKILL)
        wait_until(lambda: gone(pid), "the server ends with its owner")


def test_a_command_runs_with_the_address_filled_in_and_its_exit_code_is_given(tmp_path: Path) -> None:
    [address] = free_addresses(1)
    program = "import sys; open(sys.argv[1], 'w').write(sys.argv[2]); sys.exit(7)"
    said = tmp_path / "said"
    with launched(tmp_path / "data", address, sys.executable, "-c", program, str(said), "{zookeeper}") as launcher:
        assert launcher.wait(TIMEOUT_S) == 7
    assert said.read_text() == address.for_clients


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    [address] = free_addresses(1)
    with socket.create_server((address.host, address.port)):
        done = subprocess.run(
            [sys.executable, "-m", "zookeeper_server", "--folder", str(tmp_path), "--address", address.host],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert done.returncode == 1
    assert f"cannot listen on {address.for_clients}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_dies_says_why_and_keeps_its_log(tmp_path: Path) -> None:
    ensemble = ZooKeeperEnsemble(tmp_path)
    (tmp_path / "server1" / "data").mkdir(parents=True)
    (tmp_path / "server1" / "data" / "version-2").write_text("no folder")
    with pytest.raises(ServerDiedError, match=r"(?s)ended before it was ready.*zookeeper\.log.*version-2"):
        ensemble.start()
    assert "version-2" in ensemble.servers[0].log.read_text()
    assert not ensemble.servers[0].running


def test_a_folder_is_one_ensemble_s_of_one_size(tmp_path: Path) -> None:
    first, second = ZooKeeperEnsemble(tmp_path), ZooKeeperEnsemble(tmp_path)
    assert first._held.take()
    with pytest.raises(ZooKeeperServerError, match="another ZooKeeper runs on"):
        second.start()
    first.kill()
    (tmp_path / "server1" / "data").mkdir(parents=True)
    with pytest.raises(ZooKeeperServerError, match="holds an ensemble of 1, not 3"):
        ZooKeeperEnsemble(tmp_path, 3)


def test_the_pinned_sums_name_the_pinned_versions() -> None:
    names = [line.split()[1] for line in jars.SUMS.read_text().splitlines()]
    assert f"zookeeper-{jars.VERSION}.jar" in names
    for needed in ("metrics-core", "snappy-java", "slf4j-simple"):
        assert any(name.startswith(needed) for name in names)
    assert f"<version>{jars.VERSION}</version>" in jars.POM.read_text()
