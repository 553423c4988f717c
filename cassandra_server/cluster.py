"""A ring of one or more nodes on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cassandra_server.addresses import free_addresses
from cassandra_server.configuration import Address, Options
from cassandra_server.errors import CassandraServerError
from cassandra_server.folder_in_use import FolderInUse
from cassandra_server.node import READY_TIMEOUT_S, CassandraNode


class CassandraCluster:
    """Nodes that make up one ring; a context manager that starts and stops them."""

    def __init__(
        self,
        folder: Path,
        nodes: int = 1,
        options: Options | None = None,
        addresses: Sequence[Address] | None = None,
    ) -> None:
        """Nothing runs yet.

        Args:
            folder: Each node's configuration, data and log are kept in a folder below (`node1`, …).
            nodes: How many.
            options: Heap, durability, authentication, encryption.
            addresses: Where they listen; free loopback addresses if not given. Data that a folder holds already wants
                the addresses that it had.

        Raises:
            CassandraServerError: Something that is needed is missing on this machine, or the folder holds a ring of
                another size.
        """
        places = list(free_addresses(nodes) if addresses is None else addresses)
        held = len(list(folder.glob("node*/data")))
        if held not in (0, len(places)):
            raise CassandraServerError(f"{folder} holds a ring of {held}, not {len(places)}: take another folder")
        self.folder = folder
        self._held = FolderInUse(folder)
        self.nodes = [
            CassandraNode(folder / f"node{number}", place, places, options or Options())
            for number, place in enumerate(places, start=1)
        ]

    @property
    def contact_points(self) -> list[str]:
        """`host:port` of each node."""
        return [node.contact_point for node in self.nodes]

    @property
    def store_url(self) -> str:
        """The service's `--store` for this cluster."""
        return "cassandra://" + ",".join(self.contact_points)

    def start(self) -> None:
        """Start all nodes at once, and wait until each serves clients and sees the others.

        Raises:
            CassandraServerError: Another process uses the folder.
            ServerDiedError: One was not ready; none is left running, the logs stay.
        """
        if not self._held.take():
            raise CassandraServerError(f"another Cassandra runs on {self.folder}")
        try:
            for node in self.nodes:
                node.start()
            for node in self.nodes:
                node.wait_until_ready()
            for node in self.nodes:
                others = [other.address for other in self.nodes if other is not node]
                node.wait_for_log(*(f"/{other.host}:{other.storage_port} is now UP" for other in others))
        except BaseException:  # an interrupted start, too, leaves nothing running
            self.kill()
            raise

    def wait_until_joined(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until every node takes every other for alive again, after one was killed or paused.

        Raises:
            CassandraServerError: Time is up, or a node does not run.
        """
        wanted = [f"UN  {node.address.host} " for node in self.nodes]
        deadline = time.monotonic() + timeout_s
        for node in self.nodes:
            while not all(line in (status := node.nodetool("status")) for line in wanted):
                if time.monotonic() > deadline:
                    raise CassandraServerError(f"{node.address.host} still misses nodes:\n{status}")

    def stop(self) -> None:
        """Stop every node in good order."""
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.stop()
        self._held.leave()

    def kill(self) -> None:
        """`kill -9` every node."""
        for node in self.nodes:
            node.kill()
        self._held.leave()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
