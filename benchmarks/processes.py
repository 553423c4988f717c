"""What a second process behind the same port gives: frames a second of two against one, on a journal in memory.

One frame a request on kept connections. A connection belongs to whichever process the system gave it, a person to
whichever owns their shard. Each connection sends for one person of each process in turn: of two processes' frames half
are forwarded, whoever has the connection; how many were is counted and told. Rounds of one and of two processes
alternate. The client shares the machine: what it took of a processor is printed, and so is what a frame cost in
processor time on either side, which a busy machine changes little.

    python -m benchmarks.processes --seconds 5 --rounds 5
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec
from kinelog.actors.membership.placement import owners
from kinelog.actors.membership.port import Member
from kinelog.domain.identifiers import Person, shard_of
from kinelog.privacy.key_store import KeyStore
from kinelog.service.configuration import DataFolder

from benchmarks.http_ingest import TENANT, streams_of_people, user_name
from benchmarks.http_load import FrameStream, Load, closed_loop
from benchmarks.memory_processes import SHARDS, MemoryProcesses, members
from benchmarks.rounds import machine, ratio, spread

PEOPLE_AT_LEAST = 48
"""So that each process owns somebody."""

WARM_S = 2.0
WANTED = 1.3
OWNER_TOKEN = re.compile(r"owner token (\S+)")
FORWARDED = re.compile(r"forwarded (\d+)")


class ProcessFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the run showed.

    Attributes:
        one_per_second, several_per_second: Frames, a figure a round.
        ratio: Of their medians.
        forwarded_share: Of the frames that several processes took.
        client_share_one, client_share_several: Processors that the client used meanwhile.
        one_share, several_share: Processors that the servers used meanwhile.
        one_us, several_us: Processor time of the servers for a frame, microseconds: the median round.
        client_us: The same of the client.
        reckoned: What the ratio would be with one processor's worth of work in one process, and with as many processors
            as there are processes shared by those and the client, if nothing else ran: from the processor times.
        acknowledged, refused: Frames of all rounds.
    """

    machine: str
    processes: int
    connections: int
    one_per_second: list[float]
    several_per_second: list[float]
    ratio: float
    forwarded_share: float
    client_share_one: float
    client_share_several: float
    one_share: float
    several_share: float
    one_us: float
    several_us: float
    client_us: float
    reckoned: float
    acknowledged: int
    refused: int


@dataclass(slots=True)
class InTurn:
    """What one connection sends: a frame of each of several people, and again."""

    people: Sequence[FrameStream]
    sent: int = 0

    def request(self, host: str) -> bytes:
        """The next person's next frame."""
        person = self.people[self.sent % len(self.people)]
        self.sent += 1
        return person.request(host)


async def connections_of(url: str, token: str, folder: Path, count: int, group: Sequence[Member]) -> list[InTurn]:
    """Make people known, and connections that each send for one person of each member.

    Raises:
        RuntimeError: One of so many members owns nobody.
    """
    streams = await streams_of_people(url, token, max(count, PEOPLE_AT_LEAST))
    placed = owners(SHARDS, group, {})
    owned: dict[str, list[FrameStream]] = {member.name: [] for member in group}
    with closing(KeyStore.open(DataFolder(folder).keys)) as keys:
        for number, stream in enumerate(streams):
            pseudonym = keys.pseudonym(TENANT, user_name(number))
            owner = placed[shard_of(Person(TENANT, str(pseudonym)), SHARDS)]
            owned[str(owner)].append(stream)
    if not all(owned.values()):
        raise RuntimeError("one of the processes owns nobody: ask for fewer --processes or more --connections")
    return [InTurn([theirs[number % len(theirs)] for theirs in owned.values()]) for number in range(count)]


class Side:
    """One or several processes with the people that they serve, and the rounds of both."""

    def __init__(self, processes: MemoryProcesses, connections: int, group: Sequence[Member]) -> None:
        """Make the people known; their frames take turns as the group's members own them."""
        self._processes = processes
        token, url = processes.first.said(OWNER_TOKEN), processes.first.url
        self._streams = asyncio.run(connections_of(url, token, processes.folder, connections, group))
        self.loads: list[Load] = []
        self._all: list[Load] = []
        self.cpu_s: list[float] = []

    @property
    def accepted(self) -> int:
        """Frames of all rounds."""
        return sum(load.accepted for load in self._all)

    @property
    def refused(self) -> int:
        """Frames of all rounds that were not."""
        return sum(len(load.latencies_s) for load in self._all) - self.accepted

    def warm(self) -> None:
        """A round that counts in the books only."""
        self._all.append(closed_loop(self._processes.first.address, self._streams, WARM_S))

    def round(self, seconds: float) -> None:
        """One more."""
        spent = self._processes.cpu_seconds()
        load = closed_loop(self._processes.first.address, self._streams, seconds)
        self.cpu_s.append(self._processes.cpu_seconds() - spent)
        self.loads.append(load)
        self._all.append(load)

    def per_second(self) -> list[float]:
        """A figure a round."""
        return [round(load.per_second, 1) for load in self.loads]

    def client_share(self) -> float:
        """Processors that the client used."""
        return round(sum(load.client_cpu_s for load in self.loads) / self._seconds(), 3)

    def server_share(self) -> float:
        """Processors that the processes used."""
        return round(sum(self.cpu_s) / self._seconds(), 3)

    def microseconds(self) -> float:
        """Of a processor, for a frame."""
        return round(
            statistics.median(1e6 * c / load.accepted for c, load in zip(self.cpu_s, self.loads, strict=True)), 1
        )

    def client_microseconds(self) -> float:
        """Of a processor, for a frame, in the client."""
        return round(1e6 * sum(load.client_cpu_s for load in self.loads) / sum(load.accepted for load in self.loads), 1)

    def _seconds(self) -> float:
        return sum(load.seconds for load in self.loads)


def measure(folder: Path, count: int, connections: int, seconds: float, rounds: int) -> ProcessFigures:
    """Let one and several take turns."""
    on = machine()
    with MemoryProcesses(folder / "one", 1) as alone, MemoryProcesses(folder / "several", count) as group:
        everybody = members(count)
        one, several = Side(alone, connections, everybody), Side(group, connections, everybody)
        one.warm()
        several.warm()
        for _ in range(rounds):
            one.round(seconds)
            several.round(seconds)
    passed_on = sum(int(process.said(FORWARDED)) for process in group.processes)
    return ProcessFigures(
        machine=on,
        processes=count,
        connections=connections,
        one_per_second=one.per_second(),
        several_per_second=several.per_second(),
        ratio=ratio(several.per_second(), one.per_second()),
        forwarded_share=round(passed_on / several.accepted, 3),
        client_share_one=one.client_share(),
        client_share_several=several.client_share(),
        one_share=one.server_share(),
        several_share=several.server_share(),
        one_us=one.microseconds(),
        several_us=several.microseconds(),
        client_us=several.client_microseconds(),
        reckoned=round(count * one.microseconds() / (several.microseconds() + several.client_microseconds()), 3),
        acknowledged=one.accepted + several.accepted,
        refused=one.refused + several.refused,
    )


def in_words(figures: ProcessFigures) -> str:
    """The figures for people."""
    several = f"{figures.processes} processes"
    books = f"{figures.acknowledged} acknowledged, {figures.refused} refused"
    rows = {
        "machine": figures.machine,
        "one process": f"{spread(figures.one_per_second)} frames/s, {figures.one_us} µs of a processor each",
        several: f"{spread(figures.several_per_second)} frames/s, {figures.several_us} µs each",
        "ratio": f"{figures.ratio}; reckoned for a machine where nothing else runs: {figures.reckoned}",
        "forwarded": f"{figures.forwarded_share:.0%} of the frames",
        "processors, one": f"service {figures.one_share}, client {figures.client_share_one}",
        f"processors, {figures.processes}": f"service {figures.several_share}, client {figures.client_share_several}",
        "books": f"{books} over {figures.connections} connections",
    }
    return "\n".join(f"{name:<16}{row}" for name, row in rows.items())


@click.command()
@click.option("--processes", default=2, show_default=True, type=click.IntRange(2, 16))
@click.option("--connections", default=128, show_default=True, type=click.IntRange(1, 1024))
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0.5, 120), help="Of one round.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 50))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, processes: int, connections: int, seconds: float, rounds: int, as_json: bool) -> None:
    """Measure several processes against one; prints ratios, promises nothing."""
    with tempfile.TemporaryDirectory(prefix="kinelog-processes-") as folder:
        figures = measure(Path(folder), processes, connections, seconds, rounds)
    click.echo(msgspec.json.encode(figures).decode() if as_json else in_words(figures))
    sys.exit(0 if figures.refused == 0 else 70)


if __name__ == "__main__":
    main()
