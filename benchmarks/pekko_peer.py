"""Runs the load program of the peer, Pekko Persistence over Cassandra, on the server of this run.

The program is no part of this project. It is given as the folder in which Maven has built it: `target/classes` and
`target/lib`, main class `bench.Bench`. It is told by system properties where the server is, so that nothing in its
folder is changed.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cassandra_server.java import find_java

MAIN = "bench.Bench"
HEAP = "-Xmx1g"
PREWARM = "prewarm:64:64:1"
UNTAGGED, TAGGED = "noebt", "tagged"
"""Its settings: without the table of events by tag, its fastest; and with it, which its projections need."""

PATIENCE_S = 600.0
ATTEMPTS = 3
PATIENT = {
    "pekko.persistence.cassandra.journal.circuit-breaker.call-timeout": "60s",
    "pekko.persistence.cassandra.journal.circuit-breaker.max-failures": "100000",
    "pekko.persistence.cassandra.journal.recovery-event-timeout": "120s",
    "datastax-java-driver.basic.request.timeout": "30s",
}
"""On a machine that others load too it gives up before it has begun; none of this makes it slower."""

_EVENTS = re.compile(r"^(?!\(prewarm).* events/s=(\d+) p50=([\d.]+) p99=([\d.]+)", re.MULTILINE)
_RECOVERY_ID = re.compile(r"recovery-id=(\S+)")
_RECOVERIES = re.compile(r"ms per rep:((?: \d+)+)")
_JAR_VERSION = re.compile(r"(pekko-persistence(?:-typed|-cassandra)?)_[\d.]+-([\d.]+)\.jar")


class PeerError(Exception):
    """The peer cannot be run, or said something else than figures; the message shows what."""


class PeerRate(NamedTuple):
    """A round: acknowledged events a second, and how long they took."""

    per_second: float
    p50_ms: float
    p99_ms: float


class PekkoPeer:
    """The peer's program, one process a call, warmed up before it counts."""

    def __init__(self, folder: Path, contact_point: str) -> None:
        """Use what was built in a folder.

        Raises:
            PeerError: Nothing was built there.
        """
        self._classes, self._jars = folder / "target" / "classes", folder / "target" / "lib"
        if not self._classes.is_dir() or not self._jars.is_dir():
            raise PeerError(f"{folder} holds no target/classes and target/lib: build the peer there with Maven")
        self._java = find_java()
        self._contact_point = contact_point

    @property
    def versions(self) -> str:
        """What is compared with."""
        found = sorted(_JAR_VERSION.findall(" ".join(jar.name for jar in self._jars.iterdir())))
        return ", ".join(f"{name} {version}" for name, version in found)

    def events_per_second(self, settings: str, users: int, warm_s: float, seconds: float) -> PeerRate:
        """So many entities, each with one command of one event in flight."""
        said, attempts = None, ATTEMPTS
        while said is None:
            attempts -= 1
            try:
                said = self._run(settings, [PREWARM, f"{users}:{users}:1"], warm=round(warm_s), secs=round(seconds))
            except PeerError:
                # Its circuit breaker opens when the server stalls, and its clients then wait for ever: no figure.
                if not attempts:
                    raise
        found = _EVENTS.findall(said)
        if not found:
            raise PeerError(f"the peer told no figures:\n{said}")
        return PeerRate(*map(float, found[-1]))

    def store(self, settings: str, events: int) -> str:
        """Store an entity of so many events; its id."""
        said = self._run(settings, [f"recover:{events}:1"])
        found = _RECOVERY_ID.search(said)
        if found is None:
            raise PeerError(f"the peer told no id:\n{said}")
        return found[1]

    def recoveries_ms(self, settings: str, entity: str, events: int, times: int) -> list[float]:
        """Recover an entity again and again in a fresh process: the first time is a cold one."""
        said = self._run(settings, [f"recover:{events}:{times}:{entity}"])
        found = _RECOVERIES.search(said)
        if found is None or "WRONG COUNT" in said:
            raise PeerError(f"the peer did not recover what it stored:\n{said}")
        return [float(taken) for taken in found[1].split()]

    def _run(self, settings: str, scenarios: Sequence[str], **properties: int) -> str:
        driver = "datastax-java-driver.basic"
        defined: dict[str, object] = {
            **PATIENT,
            "cfg": settings,
            f"{driver}.contact-points.0": self._contact_point,
            f"{driver}.load-balancing-policy.local-datacenter": "datacenter1",
            **properties,
        }
        command = [str(self._java), HEAP, *(f"-D{name}={value}" for name, value in defined.items())]
        command += ["-cp", os.pathsep.join((str(self._classes), f"{self._jars}/*")), MAIN, *scenarios]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if done.returncode:
            raise PeerError(f"the peer ended with {done.returncode}:\n{done.stdout}\n{done.stderr[-2000:]}")
        return done.stdout
