"""One server process: started, watched, stopped, paused, killed."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path

from cassandra_server.kept_process import KeptProcess, tail_of
from zookeeper_server.addresses import Address
from zookeeper_server.configuration import server_command, write_configuration
from zookeeper_server.errors import ServerDiedError, ZooKeeperServerError
from zookeeper_server.jars import java_and_jars

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 2.0
LOOK_EVERY_S = 0.02
LARGEST_ANSWER = 65536


class ZooKeeperServer(KeptProcess):
    """A server of an ensemble."""

    program = "ZooKeeper"
    failure = ZooKeeperServerError
    death = ServerDiedError
    stop_timeout_s = STOP_TIMEOUT_S
    look_every_s = LOOK_EVERY_S

    def __init__(self, folder: Path, address: Address, ensemble: Sequence[Address], *, forgetful: bool = False) -> None:
        """Nothing runs yet.

        Args:
            folder: Configuration, data and log of this server; made if need be, never removed.
            address: Where it listens.
            ensemble: Where all of them do.
            forgetful: Whether it need not wait for its disk.

        Raises:
            ZooKeeperServerError: Java is missing, or the jars cannot be fetched.
        """
        super().__init__(f"the server {address.for_clients}", folder, self._last_words)
        self.address = address
        self._ensemble = list(ensemble)
        self._forgetful = forgetful
        self._java, self._jars = java_and_jars()

    @property
    def log(self) -> Path:
        """The log file; it grows from start to start."""
        return self.folder / "log" / "zookeeper.log"

    def start(self) -> None:
        """Start the process, with the data that its folder holds.

        Raises:
            ZooKeeperServerError: It runs already.
        """
        self._require_stopped()
        configuration = write_configuration(self.folder, self.address, self._ensemble)
        servers = len(self._ensemble)
        command = server_command(self._java, self._jars, configuration, servers, forgetful=self._forgetful)
        self._launch(self.log, command)

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until clients are served.

        Raises:
            ServerDiedError: The process ended, or time is up (it is killed then).
        """
        self._wait_until(lambda: bool(self.mode()), time.monotonic() + timeout_s)

    def mode(self) -> str:
        """What it is: `standalone`, `leader` or `follower`; empty while it serves nobody.

        `ruok` would not do: a server answers that when it serves nobody, and never will.
        """
        for line in self.ask("srvr").splitlines():
            if line.startswith("Mode: "):
                return line.removeprefix("Mode: ")
        return ""

    def ask(self, word: str) -> str:
        """What it answers to one of ZooKeeper's four-letter words; empty where it does not."""
        try:
            with socket.create_connection((self.address.host, self.address.port), ANSWER_TIMEOUT_S) as connection:
                connection.sendall(word.encode())
                said = b""
                while len(said) < LARGEST_ANSWER and (part := connection.recv(LARGEST_ANSWER)):
                    said += part
        except OSError:
            return ""
        return said.decode(errors="replace")

    def restart(self) -> None:
        """Stop it if it runs, start it with its data, and wait until it is ready."""
        self.stop()
        self.start()
        self.wait_until_ready()

    def _last_words(self) -> str:
        return tail_of(self.log)
