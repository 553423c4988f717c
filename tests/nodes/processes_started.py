"""`kinelog serve --processes` as real processes, and which of them is which."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.system.asking import Asking, eventually
from tests.system.running_service import RunningService

COUNT = 2
SESSION_S = 1.0
TAKEN_AFTER_LOOKS = 20


class StartedProcesses(RunningService):
    """A parent and its children."""

    def __init__(
        self, data: Path, token: str, *arguments: str, shards: int = 4, variables: Mapping[str, str] = {}
    ) -> None:
        """Start all of them, and wait until the parent says that they listen."""
        self.shards = shards
        named = {"KINELOG_NODE": "gym", "KINELOG_SESSION_S": str(SESSION_S)}
        super().__init__(data, ["--processes", str(COUNT), *arguments], {**variables, **named})
        self.owner = Asking(self.url, token)

    def everybody(self) -> list[psutil.Process]:
        """The parent, its serving children and its worker."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def children(self) -> dict[str, psutil.Process]:
        """Those that serve, by name."""
        found = {}
        for process in psutil.Process(self.process.pid).children():
            if "serve" in process.cmdline():
                found[process.environ()["KINELOG_NODE"]] = process
        return found

    def held_by(self, name: str) -> set[int]:
        """Shards that a child serves, as it tells at its own port."""
        return {
            int(found[1])
            for found in re.finditer(rf'kinelog_actors_serving{{process="{name}",shard="(\d+)"}} 1\.0', self.figures())
        }

    def figures(self) -> str:
        """Everybody's."""
        return self.owner.get("/metrics").body.decode()

    def wait_until_shared(self) -> None:
        """Until every child serves its half."""
        names = [f"gym-{number + 1}" for number in range(COUNT)]
        each = self.shards // COUNT
        eventually(
            lambda: [len(self.held_by(name)) for name in names] == [each] * COUNT,
            f"each serves {each} shards\n{self.log}",
        )

    def connected_to(self, child: psutil.Process) -> http.client.HTTPConnection:
        """A connection that the system gave to this child."""
        others = []
        try:
            for _ in range(200):
                connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
                connection.connect()
                if self._whose(connection.sock.getsockname()) == child.pid:
                    return connection
                others.append(connection)
        finally:
            for connection in others:
                connection.close()
        raise AssertionError("the system gives this child no connection")

    def _whose(self, address: tuple[str, int]) -> int | None:
        """Who took a connection; None where nobody did, because it was given to who stands still."""
        poll = threading.Event()
        for _ in range(TAKEN_AFTER_LOOKS):
            for child in self.children().values():
                if any(tuple(found.raddr) == address for found in child.net_connections("tcp")):
                    return child.pid
            poll.wait(0.01)
        return None
