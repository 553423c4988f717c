"""A whole deployment to be harmed: a ring of three, the service with its worker, and people who train."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from kinelog.service.cluster_data import ClusterData
from kinelog.service.configuration import DataFolder, load_settings

from cassandra_server.cluster import CassandraCluster
from tests.cassandra_chaos.phones import Phones
from tests.cassandra_chaos.store_checks import NeverError, schema_rests
from tests.system.asking import Asking
from tests.system.running_service import KINELOG, RunningService, environment, free_port, kinelog

TENANT = "iron-works"
GYM = "main-street"
IMPATIENT_PHONES = 8
SIMULATED_PEOPLE = 6
LOOK_EVERY_S = 0.1
TRIES = 3
EXIT_TRY_AGAIN = 75


class Deployment:
    """The parts, and what is done to the service. The ring stays its owner's."""

    def __init__(self, cluster: CassandraCluster, folder: Path, prefix: str, seed: int) -> None:
        """Make the tables, a tenant and a gym, and let people train.

        Args:
            cluster: A ring that runs.
            folder: For the service's own folder and the ledgers.
            prefix: Of the keyspaces' names.
            seed: Fixes people and their movements.
        """
        self.cluster = cluster
        self.seed = seed
        self.data = folder / "data"
        self.ledgers = (folder / "simulated.ledger", folder / "impatient.ledger")
        self.store = f"{cluster.store_url}/{prefix}?dc=datacenter1&replication={len(cluster.nodes)}"
        self.logs: list[str] = []
        self._port = free_port()
        self.token = self._prepared()
        self.service = self._start_service()
        self.opened = ClusterData(DataFolder(self.data), load_settings(self.data, store=self.store), may_write=False)
        station = {"name": "cable-1", "exercises": ["resistanceTargeted:arms/rope-biceps-curl"]}
        gym = {"name": "Main Street", "time_zone": "Europe/London", "stations": [station]}
        Asking(self.service.url, self.token).put(f"/v1/gyms/{GYM}", gym)
        self.phones = Phones(self.service.url, self.token, IMPATIENT_PHONES, seed, self.ledgers[1])
        self.simulator = self._start_simulator()

    def kinelog(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this deployment's store."""
        return kinelog(*arguments, "--data", str(self.data), KINELOG_STORE=self.store)

    def schema_rests(self) -> bool:
        """Whether no table of the views is being made or dropped."""
        return schema_rests(self.opened)

    def kill_service(self) -> None:
        """`kill -9`; the worker ends because its parent is gone."""
        self.service.kill()
        self.logs.append(self.service.log)

    def start_service(self) -> None:
        """Start it where it was."""
        self.service = self._start_service()

    def memory_bytes(self) -> int:
        """Resident memory of the service's own process."""
        return int(psutil.Process(self.service.process.pid).memory_info().rss)

    def ready_status(self) -> int:
        """What `/health/ready` answers."""
        return Asking(self.service.url, self.token).get("/health/ready").status

    def wait_until_served(self, since_s: float, timeout_s: float = 120.0) -> None:
        """Wait until every impatient phone had a frame acknowledged that it sent after this moment.

        Raises:
            NeverError: Time is up.
        """

        def served() -> bool:
            fresh = self.phones.since(since_s)
            return len({answer.phone for answer in fresh if answer.status in (200, 201)}) == IMPATIENT_PHONES

        self.wait_for(served, "every phone is served again", timeout_s)

    def wait_for_answers(self, count: int, timeout_s: float = 120.0) -> None:
        """Wait until so many more frames were acknowledged.

        Raises:
            NeverError: Time is up.
        """
        since_s = time.monotonic()
        self.wait_for(lambda: self.phones.acknowledged_since(since_s) >= count, "frames are acknowledged", timeout_s)

    def wait_for(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until a condition holds.

        Raises:
            NeverError: Time is up; what the service logged last is told.
            UnexpectedAnswerError: A phone was told what it may never be told.
        """
        deadline, poll = time.monotonic() + timeout_s, threading.Event()
        while not condition():
            self.phones.require_content()
            if time.monotonic() > deadline:
                raise NeverError(f"not within {timeout_s:.0f} s: {what}\n{self.service.log[-4000:]}")
            poll.wait(LOOK_EVERY_S)

    def pause_people(self) -> None:
        """Stop the simulated people where they stand, and the impatient phones for good."""
        self.phones.stop()
        psutil.Process(self.simulator.pid).suspend()

    def resume_people(self) -> None:
        """Let them go on; the impatient ones begin new sessions."""
        psutil.Process(self.simulator.pid).resume()
        self.seed += 1
        self.phones = Phones(self.service.url, self.token, IMPATIENT_PHONES, self.seed, self.ledgers[1])

    def close(self) -> None:
        """End everything but the ring.

        Raises:
            UnexpectedAnswerError: What the service said to a phone that it may never say.
        """
        self.simulator.kill()
        self.simulator.communicate()
        self.service.kill()
        self.logs.append(self.service.log)
        self.opened.close()
        self.phones.stop()

    def __enter__(self) -> Self:
        """Already running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    def _prepared(self) -> str:
        for words in (("schema", "apply"), ("tenant", "create", TENANT)):
            done = self.kinelog(*words)
            for _ in range(TRIES):
                if done.returncode != EXIT_TRY_AGAIN:
                    break
                done = self.kinelog(*words)
            assert done.returncode == 0, done.stdout + done.stderr
        issued = self.kinelog("token", "create", "--tenant", TENANT, "--role", "owner", "--json")
        assert issued.returncode == 0, issued.stderr
        return _token_in(issued.stdout)

    def _start_service(self) -> RunningService:
        return RunningService(self.data, ("--store", self.store), port=self._port)

    def _start_simulator(self) -> subprocess.Popen[str]:
        live = ("--live", "--speed", "5", "--minutes", "3", "--forever", "--give-up", "3600")
        people = ("--users", str(SIMULATED_PEOPLE), "--seed", str(self.seed), "--gym", GYM)
        faults = ("--retransmit", "0.1", "--reorder", "0.05", "--corrupt", "0.02")
        return subprocess.Popen(
            [*KINELOG, "simulate", "--url", self.service.url, *live, *people, *faults,
             "--ledger", str(self.ledgers[0]), "--json"],
            env=environment() | {"KINELOG_TOKEN": self.token},
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )  # fmt: skip


def _token_in(printed: str) -> str:
    token = json.loads(printed)["token"]
    assert isinstance(token, str)
    return token
