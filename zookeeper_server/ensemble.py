"""One server, or three that make up one service, on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cassandra_server.folder_in_use import FolderInUse
from zookeeper_server.addresses import Address, free_addresses
from zookeeper_server.errors import ZooKeeperServerError
from zookeeper_server.server import LOOK_EVERY_S, READY_TIMEOUT_S, ZooKeeperServer


class ZooKeeperEnsemble:
    """A context manager that starts and stops its servers."""

    def __init__(
        self, folder: Path, servers: int = 1, addresses: Sequence[Address] | None = None, *, forgetful: bool = False
    ) -> None:
        """Nothing runs yet.

        Args:
            folder: Each server's configuration, data and log are kept in a folder below (`server1`, …).
            servers: How many.
            addresses: Where they listen; free loopback addresses if not given.
            forgetful: Whether they need not wait for their disks: for tests.

        Raises:
            ZooKeeperServerError: Something that is needed is missing on this machine, or the folder holds an ensemble
                of another size.
        """
        places = list(free_addresses(servers) if addresses is None else addresses)
        held = len(list(folder.glob("server*/data")))
        if held not in (0, len(places)):
            raise ZooKeeperServerError(f"{folder} holds an ensemble of {held}, not {len(places)}: take another folder")
        self.folder = folder
        self._held = FolderInUse(folder)
        self.servers = [
            ZooKeeperServer(folder / f"server{number}", place, places, forgetful=forgetful)
            for number, place in enumerate(places, start=1)
        ]

    @property
    def address(self) -> str:
        """As the service's `zookeeper` setting wants it."""
        return ",".join(server.address.for_clients for server in self.servers)

    def start(self) -> None:
        """Start all servers at once, and wait until each serves clients.

        Raises:
            ZooKeeperServerError: Another process uses the folder.
            ServerDiedError: One was not ready; none is left running, the logs stay.
        """
        if not self._held.take():
            raise ZooKeeperServerError(f"another ZooKeeper runs on {self.folder}")
        try:
            for server in self.servers:
                server.start()
            for server in self.servers:
                server.wait_until_ready()
        except BaseException:  # an interrupted start, too, leaves nothing running
            self.kill()
            raise

    def leader(self, timeout_s: float = READY_TIMEOUT_S) -> ZooKeeperServer:
        """The server that leads, or the only one; waits until there is one.

        Raises:
            ZooKeeperServerError: There was none in time.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for server in self.servers:
                if server.running and server.mode() in ("leader", "standalone"):
                    return server
            time.sleep(LOOK_EVERY_S)
        raise ZooKeeperServerError("no server leads")

    def stop(self) -> None:
        """Stop every server in good order."""
        for server in self.servers:
            server.stop()
        self._held.leave()

    def kill(self) -> None:
        """`kill -9` every server."""
        for server in self.servers:
            server.kill()
        self._held.leave()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
