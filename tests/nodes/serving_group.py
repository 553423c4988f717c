"""Several nodes of the service as real processes: one data folder, one ZooKeeper, any of them takes any request."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress
from kinelog.service.cluster_secrets import CLUSTER_SECRET_VARIABLE

from tests.system.asking import Asking, eventually
from tests.system.running_service import RunningService, prepare

SESSION_S = 2.0
NAMES = ("alpha", "beta", "gamma")


class ServingGroup:
    """Nodes by name; those that are left are killed in the end."""

    def __init__(self, data: Path, zookeeper: ZooKeeperAddress) -> None:
        """Prepare a tenant; nobody serves yet."""
        self.data = data
        self.owner_token = prepare(data)
        self.nodes: dict[str, RunningService] = {}
        self.variables = {
            "KINELOG_ZOOKEEPER": ",".join(zookeeper.hosts) + zookeeper.root,
            "KINELOG_SESSION_S": str(SESSION_S),
            CLUSTER_SECRET_VARIABLE: secrets.token_hex(32),
        }

    def start(self, names: Sequence[str], *arguments: str, **variables: str) -> None:
        """Start nodes at once, and wait until each is ready, with shards of its own."""

        def start(name: str) -> RunningService:
            return RunningService(self.data, arguments, self.variables | {"KINELOG_NODE": name} | variables)

        with ThreadPoolExecutor(len(names)) as threads:
            self.nodes |= dict(zip(names, threads.map(start, names), strict=True))
        for name in names:
            self.wait_until_ready(name)

    def wait_until_ready(self, name: str) -> None:
        """Until a node is joined and answers for its shards."""
        owner = self.owner(name)
        eventually(lambda: owner.get("/health/ready").status == 200, f"{name} is ready\n{self.nodes[name].log}")

    def owner(self, name: str) -> Asking:
        """An owner at a node."""
        return Asking(self.nodes[name].url, self.owner_token)

    def logs(self) -> str:
        """What all nodes printed."""
        return "\n".join(f"── {name}\n{node.log}" for name, node in self.nodes.items())

    def kill(self) -> None:
        """Leave no process behind."""
        for node in self.nodes.values():
            node.kill()


@contextmanager
def serving_group(data: Path, zookeeper: ZooKeeperAddress) -> Iterator[ServingGroup]:
    """A group without nodes yet; its nodes are gone afterwards."""
    group = ServingGroup(data, zookeeper)
    try:
        yield group
    finally:
        group.kill()
