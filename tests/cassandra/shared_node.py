"""One server for all processes of a test run: pytest-xdist's workers would otherwise start 1 GB each.

Every user of the server holds a shared lock on a file; the process that owns the server waits for the exclusive lock,
and gets it when the last user has gone, however it went. The kernel does the counting.

    python -m tests.cassandra.shared_node FOLDER
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cassandra_server.cluster import CassandraCluster
from cassandra_server.configuration import Address, Options
from cassandra_server.errors import CassandraServerError
from cassandra_server.node import run_nodetool

USERS = "users.lock"
STARTING = "starting.lock"
RUNNING = "running.json"


@dataclass(frozen=True)
class SharedNode:
    """A node that other tests use as well: not to be stopped, paused or reconfigured."""

    address: Address
    log: Path

    @property
    def contact_point(self) -> str:
        """`host:port`."""
        return self.address.contact_point

    @property
    def store_url(self) -> str:
        """The service's `--store`."""
        return f"cassandra://{self.contact_point}"

    def nodetool(self, *arguments: str) -> str:
        """Run a `nodetool` subcommand and give what it printed."""
        return run_nodetool(self.address, *arguments)


@contextmanager
def shared_node(folder: Path) -> Iterator[SharedNode]:
    """Use the run's server; the first user starts it, and it ends after the last.

    Args:
        folder: The same for all processes of the run.

    Raises:
        CassandraServerError: It cannot be started; the log is kept below the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / STARTING).open("a") as starting, (folder / USERS).open("a") as users:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for a server that is just being stopped
        if not (folder / RUNNING).exists():
            _start_owner(folder)
        fcntl.flock(starting, fcntl.LOCK_UN)
        described = json.loads((folder / RUNNING).read_text())
        yield SharedNode(Address(**described["address"]), Path(described["log"]))


def _start_owner(folder: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-m", "tests.cassandra.shared_node", str(folder)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / ".dev")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said, _ = owner.communicate()  # until it closes its output: all is said
    if not (folder / RUNNING).exists():
        raise CassandraServerError(said)


def own(folder: Path) -> None:
    """Start the server, say so, and stop it when nobody uses it any more."""
    if os.fork():
        os._exit(0)  # an orphan: it has to outlive the worker that happened to be first
    try:
        cluster = CassandraCluster(folder, options=Options(short_lived=True, forgetful=True))
        cluster.start()
    except CassandraServerError as error:
        print(error)
        return
    node = cluster.nodes[0]
    unfinished = folder / f"{RUNNING}.new"
    unfinished.write_text(json.dumps({"address": asdict(node.address), "log": str(node.log)}))
    unfinished.rename(folder / RUNNING)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with (folder / USERS).open("a") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        (folder / RUNNING).unlink()
        cluster.kill()  # nobody will read its data
        for each in cluster.nodes:
            shutil.rmtree(each.folder / "data")


if __name__ == "__main__":
    own(Path(sys.argv[1]))
