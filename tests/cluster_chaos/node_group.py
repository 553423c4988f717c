"""Nodes of the service that meet in one ZooKeeper, with a relay before each of them and before what they stand on."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster_chaos.links import Links
from tests.cluster_chaos.places import CHANNEL_PORT, Places
from tests.cluster_chaos.service_node import ServiceNode
from tests.cluster_chaos.witness import Acquisition, Answers
from tests.system.asking import Asking

READY = 200
ZOOKEEPER = "zookeeper"
START_S = 90.0


@dataclass(frozen=True)
class GroupPlan:
    """What the nodes of a group have in common.

    Attributes:
        root: Where they meet in ZooKeeper.
        folder: For what belongs to single nodes.
        data: The data folder that they share; None gives each its own.
        store: Where their log and views are, if not in a data folder.
        session_s: A node that was not heard of for so long has lost its shards.
        store_away_s: A node that did not reach the store for so long gives its shards away.
        master_key: Of the deployment; None takes the data folder's.
        projections: Whether each has a projection worker.
        log_level: Of their logs.
    """

    root: str
    folder: Path
    data: Path | None = None
    store: str | None = None
    session_s: float = 2.0
    store_away_s: float = 4.0
    master_key: str | None = None
    projections: bool = True
    log_level: str = "INFO"


class NodeGroup:
    """A context manager: whatever runs of the nodes is killed at the end, and their connections are ended."""

    def __init__(self, places: Places, plan: GroupPlan, nodes: int) -> None:
        """Nothing runs yet but the relays.

        Args:
            places: Of the cluster; ZooKeeper listens there, now or later.
            plan: What the nodes have in common.
            nodes: How many.
        """
        self.links = Links()
        self.nodes: list[ServiceNode] = []
        self._places = places
        self._plan = plan
        self._secret = secrets.token_hex(32)
        address = places.zookeeper
        self.links.relay(ZOOKEEPER, places.zookeeper_relay, (address.host, address.port))
        for _ in range(nodes):
            self.add()

    def add(self) -> ServiceNode:
        """One more node, which does not run yet."""
        number = len(self.nodes) + 1
        name, places = f"node-{number}", self._places
        self.links.know(places.node(number), name)
        self.links.relay(name, (places.advertised(number), CHANNEL_PORT), (places.node(number), CHANNEL_PORT))
        data = self._plan.data or self._plan.folder / name
        arguments = () if self._plan.projections else ("--no-projections",)
        witness = self._plan.folder / f"{name}.witness"
        self.nodes.append(ServiceNode(name, data, witness, places.node(number), self._variables(number), arguments))
        return self.nodes[-1]

    def start(self) -> None:
        """Start all of them at once; they listen when this returns.

        Raises:
            AssertionError: One did not start.
        """
        with ThreadPoolExecutor(len(self.nodes)) as starters:
            list(starters.map(ServiceNode.start, self.nodes))

    def node(self, name: str) -> ServiceNode:
        """The node of this name."""
        return next(node for node in self.nodes if node.name == name)

    @property
    def urls(self) -> dict[str, str]:
        """Where people and phones reach each node, by name."""
        return {node.name: node.url for node in self.nodes}

    @property
    def log(self) -> str:
        """All that the nodes logged."""
        return "\n".join(f"──── {node.name}\n{node.log}" for node in self.nodes)

    def last_words(self, characters: int = 3000) -> str:
        """What each logged last."""
        return "\n".join(f"──── {node.name}\n{node.log[-characters:]}" for node in self.nodes)

    def ready(self, node: ServiceNode) -> bool:
        """Whether a node says that it has joined and serves."""
        try:
            return Asking(node.url, "").get("/health/ready").status == READY
        except OSError:
            return False

    def witnessed(self) -> tuple[list[Acquisition], list[Answers]]:
        """What the shards of all nodes did so far."""
        acquisitions, answers = list[Acquisition](), list[Answers]()
        for node in self.nodes:
            of_node = node.witnessed()
            acquisitions += of_node[0]
            answers += of_node[1]
        return acquisitions, answers

    def close(self) -> None:
        """Kill the nodes and end the relays."""
        for node in self.nodes:
            node.kill()
        self.links.close()

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    def _variables(self, number: int) -> Mapping[str, str]:
        plan, places = self._plan, self._places
        host, port = places.zookeeper_relay
        variables = {
            "ZOOKEEPER": f"{host}:{port}/{plan.root}",
            "NODE": f"node-{number}",
            "INTERNAL_HOST": places.node(number),
            "INTERNAL_PORT": str(CHANNEL_PORT),
            "ADVERTISE": f"{places.advertised(number)}:{CHANNEL_PORT}",
            "SESSION_S": str(plan.session_s),
            "STORE_AWAY_S": str(plan.store_away_s),
            "CLUSTER_SECRET": self._secret,
            "LOG_LEVEL": plan.log_level,
            **({} if plan.store is None else {"STORE": plan.store}),
            **({} if plan.master_key is None else {"MASTER_KEY": plan.master_key}),
        }
        return {f"KINELOG_{name}": value for name, value in variables.items()}
