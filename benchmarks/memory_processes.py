"""The service on a journal in memory, as several processes behind one port: see `benchmarks.memory_service`."""

from __future__ import annotations

import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from kinelog.actors.membership.parent_group import ParentGroup
from kinelog.actors.membership.placement import with_best_salt
from kinelog.actors.membership.port import Member
from kinelog.service.cluster_secrets import CLUSTER_SECRET_VARIABLE
from kinelog.service.configuration import DataFolder
from kinelog.service.parent_channel import ParentChannel
from kinelog.service.shared_port import LOOPBACK, SharedPort

from benchmarks.memory_service import MemoryData
from benchmarks.server_process import ServerProcess

SHARDS = 8
SESSION_S = 30.0
"""Long: a machine that is too busy to beat must not move shards whose log is in one process's memory."""


class MemoryProcesses:
    """Several processes on one port, each with the log of its own shards in memory; one is no group at all."""

    def __init__(self, folder: Path, count: int) -> None:
        """Start them, and wait until all of them listen."""
        self.folder = folder
        self._held = ExitStack()
        with MemoryData(DataFolder(folder), SHARDS) as made:  # keys: once, not by all of them at the same time
            made.model_store().close()
            made.progress_store().close()
        command = [sys.executable, "-m", "benchmarks.memory_service", str(folder), str(SHARDS)]
        if count == 1:
            self.processes = [self._held.enter_context(ServerProcess(command))]
            return
        salts = {member.name: member.salt for member in members(count)}
        port = self._held.enter_context(SharedPort(LOOPBACK, 0))
        group = ParentGroup(SESSION_S, expected=count)
        self._held.callback(group.stop)
        group.start()
        secret = secrets.token_hex(32)

        def started(name: str) -> ServerProcess:
            with group.invite(name) as end:
                channel = ParentChannel(
                    descriptor=end.fileno(), session_s=SESSION_S, salt=salts[name], group=folder.name, figures={}
                )
                variables = channel.variables() | {
                    "KINELOG_NODE": name,
                    "KINELOG_PORT": str(port.port),
                    CLUSTER_SECRET_VARIABLE: secret,
                }
                alone = [] if name == next(iter(salts)) else ["--no-owner"]
                return ServerProcess([*command, *alone], variables, [end.fileno()])

        # At the same time: none of them owns anything before all are there.
        with ThreadPoolExecutor(count) as starting:
            self.processes = [self._held.enter_context(process) for process in starting.map(started, salts)]

    @property
    def first(self) -> ServerProcess:
        """Knows the owner's token and the address that all of them have."""
        return self.processes[0]

    def cpu_seconds(self) -> float:
        """Processor time of all of them so far."""
        return sum(process.cpu_seconds() for process in self.processes)

    def __enter__(self) -> Self:
        """Already running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop all of them."""
        self._held.close()


def members(count: int) -> list[Member]:
    """The processes as they announce themselves, as far as placement looks at that."""
    chosen: list[Member] = []
    for number in range(1, count + 1):
        me = Member(name=f"process-{number}", life="0" * 16, address="", version="", reads=1)
        chosen.append(with_best_salt(SHARDS, me, chosen))
    return chosen
