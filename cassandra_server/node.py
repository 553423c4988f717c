"""One server process: started, watched, stopped, paused, killed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cassandra_server import jvm, keeper
from cassandra_server.configuration import Address, Options, log_file, write_configuration
from cassandra_server.errors import CassandraServerError, ServerDiedError
from cassandra_server.jars import server_jars
from cassandra_server.java import find_java

READY_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
TOOL_TIMEOUT_S = 120.0
LOOK_EVERY_S = 0.05
READY = "Starting listening for CQL clients"
FIRST_USER_MADE = "Created default superuser role"
LOG_TAIL = 4000


class CassandraNode:
    """A node of a cluster; the process that made it owns it.

    Methods are for one thread at a time. `start` comes back at once, `wait_until_ready` when clients are served.
    """

    def __init__(self, folder: Path, address: Address, seeds: list[Address], options: Options) -> None:
        """Nothing runs yet.

        Args:
            folder: Configuration, data and log of this node; made if need be, never removed.
            address: Where it listens.
            seeds: The nodes of the ring.
            options: What the ring's nodes have in common.

        Raises:
            MissingProgramError: Java, or what is needed to fetch the server, is missing.
            CassandraServerError: The server cannot be fetched.
        """
        self.address = address
        self.folder = folder.absolute()
        self._seeds = seeds
        self._options = options
        self._java = find_java()
        self._jars = server_jars()
        self._keeper: subprocess.Popen[str] | None = None
        self._pid = 0
        self._log_start = 0
        self._fresh = True

    @property
    def contact_point(self) -> str:
        """`host:port`, as clients want it."""
        return self.address.contact_point

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
        return log_file(self.folder)

    @property
    def console(self) -> Path:
        """What Java itself printed."""
        return self.folder / "log" / "console.log"

    def start(self) -> None:
        """Start the process, with the data that its folder holds.

        Raises:
            CassandraServerError: It runs already.
        """
        if self.running:
            raise CassandraServerError(f"the node {self.address.host} runs already")
        write_configuration(self.folder, self.address, self._seeds, self._options)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._fresh = not (self.folder / "data" / "tables").exists()
        options, address = self._options, self.address
        extra = (*(jvm.SHORT_LIVED * options.short_lived), *(jvm.FORGETFUL * options.forgetful))
        command = jvm.server_command(
            self._java, self._jars, self.folder, options.heap, address.host, address.jmx_port, extra
        )
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", keeper.__file__, str(self.console), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C in the owner's terminal is the owner's affair
        )
        assert self._keeper.stdout is not None
        first = self._keeper.stdout.readline()
        if not first:
            raise ServerDiedError(f"{self._java} could not be started: see {self.console}")
        self._pid = int(first)

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until clients are served.

        Raises:
            ServerDiedError: The process ended, or time is up (it is killed then).
        """
        awaited = [READY, *([FIRST_USER_MADE] if self._options.authentication and self._fresh else [])]
        deadline = time.monotonic() + timeout_s
        self.wait_for_log(*awaited, timeout_s=timeout_s)
        self._wait_until(self._listening, deadline)  # it logs that line just before it listens

    def wait_for_log(self, *awaited: str, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until each of these stands in the log that was written since the last start.

        Raises:
            ServerDiedError: The process ended, or time is up (it is killed then).
        """

        def logged() -> bool:
            log = self.log_since_start()
            return all(text in log for text in awaited)

        self._wait_until(logged, time.monotonic() + timeout_s)

    def _wait_until(self, condition: Callable[[], bool], deadline: float) -> None:
        while not condition():
            if not self.running:
                raise ServerDiedError(f"Cassandra ended before it was ready.{self._evidence()}")
            if time.monotonic() > deadline:
                evidence = self._evidence()
                self.kill()
                raise ServerDiedError(f"Cassandra was not ready in time.{evidence}")
            time.sleep(LOOK_EVERY_S)

    def _listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.address.host, self.address.port)) == 0

    def log_since_start(self) -> str:
        """What the node logged since it was last started."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End it as an orchestrator does: SIGTERM, time to flush, then SIGKILL. Nothing, if it does not run."""
        self.ask_to_stop()
        self._reap(timeout_s)

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting. Nothing, if it does not run."""
        if self.running:
            self.resume()  # a stopped process does not see SIGTERM
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`. Nothing, if it does not run."""
        if self.running:
            self._signal(signal.SIGKILL)
        self._reap()

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): connections stay, nothing answers.

        Raises:
            CassandraServerError: It does not run.
        """
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on.

        Raises:
            CassandraServerError: It does not run.
        """
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop it if it runs, start it with its data, and wait until it is ready."""
        self.stop()
        self.start()
        self.wait_until_ready()

    def nodetool(self, *arguments: str) -> str:
        """Run a `nodetool` subcommand on this node, and give what it printed: `nodetool("flush", "kinelog")`.

        Raises:
            CassandraServerError: It failed; the message holds what it printed.
        """
        return run_nodetool(self.address, *arguments)

    def _signal(self, number: signal.Signals) -> None:
        if self._keeper is None or self._keeper.stdin is None or not self.running:
            raise CassandraServerError(f"the node {self.address.host} does not run")
        # Through the keeper: it alone knows that the process id is still the server's.
        try:
            self._keeper.stdin.write(f"{int(number)}\n")
            self._keeper.stdin.flush()
        except BrokenPipeError:
            return  # it has just ended

    def _reap(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        keeper = self._keeper
        if keeper is None:
            return
        try:
            keeper.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            keeper.wait()
        self._keeper = None
        for pipe in (keeper.stdin, keeper.stdout):
            if pipe is not None:
                pipe.close()

    def _evidence(self) -> str:
        printed = self.console.read_text(errors="replace")[-LOG_TAIL:] if self.console.exists() else ""
        return f"\n--- end of {self.console}\n{printed}\n--- end of {self.log}\n{self.log_since_start()[-LOG_TAIL:]}"


def run_nodetool(address: Address, *arguments: str) -> str:
    """Run a `nodetool` subcommand on any node of this machine.

    Raises:
        CassandraServerError: It failed; the message holds what it printed.
    """
    command = jvm.tool_command(find_java(), server_jars(), address.host, address.jmx_port, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise CassandraServerError(f"nodetool {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout
