"""Nodes of the service under a light load, and what is seen of them: who has which shard, and what phones are told."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kinelog.actors.membership.control import ClusterControl
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.zookeeper_control import ZooKeeperControl
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress
from kinelog.service.cluster_schema import apply_schemas
from kinelog.service.configuration import EMBEDDED, DataFolder, load_settings
from kinelog.service.demo_setup import set_up_demo

from benchmarks.cassandra_ring import cassandra_ring
from tests.cluster_chaos.history import Exchange
from tests.cluster_chaos.node_group import GroupPlan, NodeGroup
from tests.cluster_chaos.phones import Phones
from tests.cluster_chaos.places import free_places
from tests.cluster_chaos.witness import Acquisition
from zookeeper_server.ensemble import ZooKeeperEnsemble

GROUP = "nodes"
HEAP = "1G"
LOOK_EVERY_S = 0.02
PATIENCE_S = 60.0


class NeverError(Exception):
    """Something that had to happen did not, in its time."""


class FailoverGroup:
    """Nodes that serve phones, all of it watched from outside."""

    def __init__(self, nodes: NodeGroup, phones: Phones, control: ClusterControl, shards: int) -> None:
        """Take what runs."""
        self.nodes = nodes
        self.phones = phones
        self.control = control
        self.shards = shards

    def acquisitions(self) -> list[Acquisition]:
        """Every shard that was ever taken, in the order in which they were."""
        return sorted(self.nodes.witnessed()[0])

    def owners(self) -> dict[int, str]:
        """Who took each shard last."""
        return {one.shard: one.node for one in self.acquisitions()}

    def exchanges(self, since_s: float) -> list[Exchange]:
        """What phones were told of what they sent from a moment on, and what was on its way then."""
        return [one for one in list(self.phones.exchanges) if one.told_s >= since_s]

    def shards_of_phones(self) -> dict[int, int]:
        """The shard of each phone's person, as far as answers have told it."""
        return {one.phone: one.shard for one in list(self.phones.exchanges) if one.shard >= 0}

    def wait_for(self, condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until a condition holds.

        Raises:
            NeverError: Time is up.
        """
        deadline, poll = time.monotonic() + timeout_s, threading.Event()
        while not condition():
            self.phones.require_content()
            if time.monotonic() > deadline:
                raise NeverError(f"not within {timeout_s:.0f} s: {what}\n{self.nodes.last_words()}")
            poll.wait(LOOK_EVERY_S)

    def still(self, name: str, shards: set[int]) -> bool:
        """Whether a node was the last to take any of these shards."""
        owners = self.owners()
        return any(owners[shard] == name for shard in shards)

    def settle(self) -> None:
        """Wait until every node is ready, every shard is where it should be, and all phones are served.

        Raises:
            NeverError: Time is up.
        """
        nodes = self.nodes.nodes
        self.wait_for(lambda: all(map(self.nodes.ready, nodes)), "every node is ready")

        def in_place() -> bool:
            view = self.control.view()
            wanted = owners(self.shards, view.members, view.pins)
            return len(view.members) == len(nodes) and self.owners() == dict(enumerate(wanted))

        self.wait_for(in_place, "every shard is where it should be")
        since_s = time.monotonic()
        self.wait_for(lambda: self.phones.served_since(since_s), "every phone is served")


@contextmanager
def failover_group(
    folder: Path | None, *, embedded: bool, nodes: int, shards: int, session_s: float, phones: int, pause_s: float
) -> Iterator[FailoverGroup]:
    """Start everything on loopback; it is gone afterwards.

    Args:
        folder: Where data lies while it runs.
        embedded: Whether the log is a file that the nodes share; else it is in a Cassandra of one node.
        nodes: Of the service.
        shards: Of the log.
        session_s: A node that was not heard of for so long has lost its shards.
        phones: People who train, a session each.
        pause_s: Between an answer and the next request of a phone.
    """
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix="kinelog-failover-")))
        store = EMBEDDED if embedded else stack.enter_context(cassandra_ring(1, root, HEAP)).store_url + "/failover"
        data, places = root / "data", free_places()
        settings = load_settings(data, store=store, shards=shards)
        if not embedded:
            apply_schemas(settings)
        token = set_up_demo(DataFolder(data), settings).owner_token
        zookeeper = ZooKeeperEnsemble(root / "zookeeper", addresses=[places.zookeeper])
        stack.enter_context(zookeeper)
        plan = GroupPlan(
            root="failover", folder=root, data=data, store=store, session_s=session_s, projections=False,
            log_level="WARNING",
        )  # fmt: skip
        group = stack.enter_context(NodeGroup(places, plan, nodes))
        group.start()
        address = ZooKeeperAddress.parse(f"{zookeeper.address}/{plan.root}")
        control = stack.enter_context(ZooKeeperControl(address, GROUP))
        training = Phones(group.urls, token, phones, seed=1, pause_s=pause_s)
        stack.callback(training.stop)
        yield FailoverGroup(group, training, control, shards)
