"""One server process: started, watched, stopped, paused, killed."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from cassandra_server import jvm
from cassandra_server.configuration import Address, Options, log_file, write_configuration
from cassandra_server.errors import CassandraServerError, ServerDiedError
from cassandra_server.jars import server_jars
from cassandra_server.java import find_java
from cassandra_server.kept_process import LOG_TAIL, KeptProcess, tail_of

READY_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
TOOL_TIMEOUT_S = 120.0
LOOK_EVERY_S = 0.05
READY = "Starting listening for CQL clients"
FIRST_USER_MADE = "Created default superuser role"


class CassandraNode(KeptProcess):
    """A node of a cluster. `start` comes back at once, `wait_until_ready` when clients are served."""

    program = "Cassandra"
    failure = CassandraServerError
    death = ServerDiedError
    stop_timeout_s = STOP_TIMEOUT_S
    look_every_s = LOOK_EVERY_S

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
        super().__init__(f"the node {address.host}", folder, self._last_words)
        self.address = address
        self._seeds = seeds
        self._options = options
        self._java = find_java()
        self._jars = server_jars()
        self._log_start = 0
        self._fresh = True

    @property
    def contact_point(self) -> str:
        """`host:port`, as clients want it."""
        return self.address.contact_point

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
        self._require_stopped()
        write_configuration(self.folder, self.address, self._seeds, self._options)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._fresh = not (self.folder / "data" / "tables").exists()
        options, address = self._options, self.address
        extra = (
            *(jvm.SHORT_LIVED * options.short_lived),
            *(jvm.SCHEMA_IN_MEMORY * options.schema_in_memory),
            *(jvm.FORGETFUL * options.forgetful),
        )
        command = jvm.server_command(
            self._java, self._jars, self.folder, options.heap, address.host, address.jmx_port, extra
        )
        self._launch(self.console, command)

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

    def nodetool(self, *arguments: str) -> str:
        """Run a `nodetool` subcommand on this node, and give what it printed: `nodetool("flush", "kinelog")`.

        Raises:
            CassandraServerError: It failed; the message holds what it printed.
        """
        return run_nodetool(self.address, *arguments)

    def write_schema(self) -> None:
        """Have what it knows of the schema on its disk, from where a killed node reads it before it replays its log.

        Raises:
            CassandraServerError: It failed; the message holds what was printed.
        """
        self.nodetool("flush", "system_schema")

    def restart(self) -> None:
        """Stop it if it runs, start it with its data, and wait until it is ready."""
        self.stop()
        self.start()
        self.wait_until_ready()

    def _last_words(self) -> str:
        return f"{tail_of(self.console)}\n--- end of {self.log}\n{self.log_since_start()[-LOG_TAIL:]}"


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
