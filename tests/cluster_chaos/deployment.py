"""A whole cluster to be harmed: Cassandra, ZooKeeper, nodes of the service, relays between them, and phones."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from kinelog.privacy.master_key import FILE_NAME
from kinelog.service.cluster_data import ClusterData
from kinelog.service.cluster_schema import apply_schemas
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.demo_setup import set_up_demo

from cassandra_server.cluster import CassandraCluster
from cassandra_server.configuration import Options
from tests.cassandra_chaos.store_checks import NeverError, schema_rests
from tests.cluster_chaos import next_version
from tests.cluster_chaos.history import Exchange, Look
from tests.cluster_chaos.node_group import GroupPlan, NodeGroup
from tests.cluster_chaos.phones import Phones
from tests.cluster_chaos.places import CASSANDRA_PORT, Places, free_places
from tests.cluster_chaos.service_node import INTERPRETER_PATH
from tests.system.running_service import kinelog
from zookeeper_server.ensemble import ZooKeeperEnsemble

NODES = 3
CASSANDRA_NODES = 3
LOOK_EVERY_S = 0.1
DATA_CENTER = "datacenter1"


@dataclass(frozen=True)
class Servers:
    """What a cluster stands on; a context manager that starts and stops it."""

    places: Places
    cassandra: CassandraCluster
    zookeeper: ZooKeeperEnsemble

    @classmethod
    def in_folder(cls, folder: Path, *, heap: str, short_lived: bool) -> Servers:
        """Three nodes of Cassandra and one ZooKeeper, which do not run yet."""
        places = free_places()
        cassandra = CassandraCluster(
            folder / "ring",
            options=Options(heap=heap, commitlog_sync="group", short_lived=short_lived, schema_in_memory=short_lived),
            addresses=[places.cassandra(number) for number in range(1, CASSANDRA_NODES + 1)],
        )
        return cls(places, cassandra, ZooKeeperEnsemble(folder / "zookeeper", addresses=[places.zookeeper]))

    def __enter__(self) -> Self:
        """Start both."""
        self.zookeeper.start()
        try:
            self.cassandra.start()
        except BaseException:
            self.zookeeper.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill both: their data goes with the folder."""
        self.cassandra.kill()
        self.zookeeper.kill()


@dataclass(frozen=True)
class People:
    """How much is sent.

    Attributes:
        phones: How many.
        pause_s: Between an answer and the next request of each.
    """

    phones: int = 8
    pause_s: float = 0.2


FEW_PEOPLE = People(phones=4, pause_s=0.5)
"""For a short run: three nodes of Cassandra on two processors spend most of the time on what is sent."""


class Deployment:
    """The nodes and all between them, and what is done to them."""

    def __init__(self, servers: Servers, folder: Path, prefix: str, seed: int, people: People = People()) -> None:
        """Make the tables, a tenant and a gym, start the nodes, and let people train.

        Args:
            servers: They run.
            folder: For the nodes' own folders.
            prefix: Of the keyspaces' names, and where the group meets in ZooKeeper.
            seed: Fixes people, their movements and the nodes that they ask.
            people: Who train.
        """
        self.servers = servers
        self._people = people
        self.seed = seed
        self.desk = folder / "desk"
        self.upgraded_s: float | None = None
        self._ended: list[Phones] = []
        addresses = [node.address for node in servers.cassandra.nodes]
        self.store = _store([address.host for address in addresses], prefix)
        settings = load_settings(self.desk, store=self.store)
        apply_schemas(settings)
        self.token = set_up_demo(DataFolder(self.desk), settings).owner_token
        self.opened = ClusterData(DataFolder(self.desk), settings, may_write=False)
        plan = GroupPlan(
            root=prefix,
            folder=folder,
            store=_store([address.told_host or address.host for address in addresses], prefix),
            master_key=(DataFolder(self.desk).keys / FILE_NAME).read_text().strip(),
        )
        self.group = NodeGroup(servers.places, plan, NODES)
        self._undo = ExitStack()
        self._undo.enter_context(next_version.installed())  # who looks at everything reads everything
        try:
            for number, address in enumerate(addresses, start=1):
                at = (address.told_host or address.host, CASSANDRA_PORT)
                self.group.links.relay(f"cassandra-{number}", at, (address.host, CASSANDRA_PORT))
            self.group.start()
            self.phones = self._new_phones()
        except BaseException:
            self._end_all()
            raise

    def kinelog(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this deployment's store."""
        variables = {"KINELOG_STORE": self.store, "CHAOS_NEXT_VERSION": "1", "PYTHONPATH": INTERPRETER_PATH}
        return kinelog(*arguments, "--data", str(self.desk), **variables)

    def exchanges(self) -> list[Exchange]:
        """What all phones sent and were told so far."""
        return [one for phones in (*self._ended, self.phones) for one in list(phones.exchanges)]

    def looks(self) -> list[Look]:
        """What all phones saw so far."""
        return [one for phones in (*self._ended, self.phones) for one in list(phones.looks)]

    def schema_rests(self) -> bool:
        """Whether no table of the views is being made or dropped."""
        return schema_rests(self.opened)

    def wait_until_whole(self, timeout_s: float = 120.0) -> None:
        """Wait until every node is ready and every phone was served after that.

        Raises:
            NeverError: Time is up.
        """
        group = self.group
        self.wait_for(lambda: all(map(group.ready, group.nodes)), "every node is ready", timeout_s)
        self.wait_until_served(timeout_s)

    def wait_until_served(self, timeout_s: float = 120.0) -> None:
        """Wait until every phone had something acknowledged that it sent after this moment.

        Raises:
            NeverError: Time is up.
        """
        since_s = time.monotonic()
        self.wait_for(lambda: self.phones.served_since(since_s), "every phone is served", timeout_s)

    def wait_for(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until a condition holds.

        Raises:
            NeverError: Time is up; what the nodes logged last is told.
        """
        deadline, poll = time.monotonic() + timeout_s, threading.Event()
        while not condition():
            self.phones.require_content()
            if time.monotonic() > deadline:
                raise NeverError(f"not within {timeout_s:.0f} s: {what}\n{self.group.last_words()}")
            poll.wait(LOOK_EVERY_S)

    def pause_people(self) -> None:
        """Stop the phones."""
        self.phones.stop()

    def resume_people(self) -> None:
        """Let others train, in sessions of their own."""
        self._ended.append(self.phones)
        self.seed += 1
        self.phones = self._new_phones()

    def close(self) -> None:
        """End everything but the servers.

        Raises:
            Exception: What ended the phones.
        """
        try:
            self.phones.stop()
        finally:
            self._end_all()

    def __enter__(self) -> Self:
        """Already running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    def _end_all(self) -> None:
        for node in self.group.nodes:
            node.kill()
        self.opened.close()  # before the relays, through which it says that it leaves
        self.group.close()
        self._undo.close()

    def _new_phones(self) -> Phones:
        people = self._people
        return Phones(self.group.urls, self.token, people.phones, self.seed, pause_s=people.pause_s)


def _store(hosts: list[str], prefix: str) -> str:
    contact_points = ",".join(f"{host}:{CASSANDRA_PORT}" for host in hosts)
    return f"cassandra://{contact_points}/{prefix}?dc={DATA_CENTER}&replication={len(hosts)}"
