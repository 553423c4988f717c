"""A ring of one or more nodes on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cassandra_server.addresses import free_addresses
from cassandra_server.configuration import Address, Options
from cassandra_server.errors import ServerDiedError
from cassandra_server.node import CassandraNode


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
            CassandraServerError: Something that is needed is missing on this machine.
        """
        places = list(free_addresses(nodes) if addresses is None else addresses)
        self.folder = folder
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
            ServerDiedError: One was not ready; none is left running, the logs stay.
        """
        try:
            for node in self.nodes:
                node.start()
            for node in self.nodes:
                node.wait_until_ready()
            for node in self.nodes:
                others = [other.address for other in self.nodes if other is not node]
                node.wait_for_log(*(f"/{other.host}:{other.storage_port} is now UP" for other in others))
        except ServerDiedError:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop every node in good order."""
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        """`kill -9` every node."""
        for node in self.nodes:
            node.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
