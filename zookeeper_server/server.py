"""One server process: started, watched, stopped, paused, killed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cassandra_server import keeper
from zookeeper_server.addresses import Address
from zookeeper_server.configuration import server_command, write_configuration
from zookeeper_server.errors import ServerDiedError, ZooKeeperServerError
from zookeeper_server.jars import java_and_jars

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 2.0
LOOK_EVERY_S = 0.02
LOG_TAIL = 4000
LARGEST_ANSWER = 65536


class ZooKeeperServer:
    """A server of an ensemble; the process that made it owns it. Methods are for one thread at a time."""

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
        self.address = address
        self.folder = folder.absolute()
        self._ensemble = list(ensemble)
        self._forgetful = forgetful
        self._java, self._jars = java_and_jars()
        self._keeper: subprocess.Popen[str] | None = None
        self._pid = 0

    @property
    def pid(self) -> int:
        """The Java process's id; 0 before the first start."""
        return self._pid

    @property
    def running(self) -> bool:
        """Whether its process lives (a paused one does)."""
        return self._keeper is not None and self._keeper.poll() is None

    @property
    def log(self) -> Path:
        """The log file; it grows from start to start."""
        return self.folder / "log" / "zookeeper.log"

    def start(self) -> None:
        """Start the process, with the data that its folder holds.

        Raises:
            ZooKeeperServerError: It runs already.
        """
        if self.running:
            raise ZooKeeperServerError(f"the server {self.address.for_clients} runs already")
        configuration = write_configuration(self.folder, self.address, self._ensemble)
        servers = len(self._ensemble)
        command = server_command(self._java, self._jars, configuration, servers, forgetful=self._forgetful)
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", keeper.__file__, str(self.log), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C in the owner's terminal is the owner's affair
        )
        assert self._keeper.stdout is not None
        first = self._keeper.stdout.readline()
        if not first:
            raise ServerDiedError(f"{self._java} could not be started: see {self.log}")
        self._pid = int(first)

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until clients are served.

        Raises:
            ServerDiedError: The process ended, or time is up (it is killed then).
        """
        deadline = time.monotonic() + timeout_s
        while not self.mode():
            if not self.running:
                raise ServerDiedError(f"ZooKeeper ended before it was ready.{self._evidence()}")
            if time.monotonic() > deadline:
                evidence = self._evidence()
                self.kill()
                raise ServerDiedError(f"ZooKeeper was not ready in time.{evidence}")
            time.sleep(LOOK_EVERY_S)

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

    def stop(self) -> None:
        """End it as an orchestrator does: SIGTERM, time to end, then SIGKILL. Nothing, if it does not run."""
        if self.running:
            self.resume()  # a stopped process does not see SIGTERM
            self._signal(signal.SIGTERM)
        self._reap()

    def kill(self) -> None:
        """`kill -9`. Nothing, if it does not run."""
        if self.running:
            self._signal(signal.SIGKILL)
        self._reap()

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): connections stay, nothing answers.

        Raises:
            ZooKeeperServerError: It does not run.
        """
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on.

        Raises:
            ZooKeeperServerError: It does not run.
        """
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop it if it runs, start it with its data, and wait until it is ready."""
        self.stop()
        self.start()
        self.wait_until_ready()

    def _signal(self, number: signal.Signals) -> None:
        if self._keeper is None or self._keeper.stdin is None or not self.running:
            raise ZooKeeperServerError(f"the server {self.address.for_clients} does not run")
        # Through the keeper: it alone knows that the process id is still the server's.
        try:
            self._keeper.stdin.write(f"{int(number)}\n")
            self._keeper.stdin.flush()
        except BrokenPipeError:
            return  # it has just ended

    def _reap(self) -> None:
        started = self._keeper
        if started is None:
            return
        try:
            started.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            started.wait()
        self._keeper = None
        for pipe in (started.stdin, started.stdout):
            if pipe is not None:
                pipe.close()

    def _evidence(self) -> str:
        logged = self.log.read_text(errors="replace")[-LOG_TAIL:] if self.log.exists() else ""
        return f"\n--- end of {self.log}\n{logged}"
