"""What the fence costs: commits to the log on Cassandra, against the same events written without any condition.

Both write the same sealed events of 400 bytes through one connection of the driver, 64 (or `--events`) at a time, one
write of each of 8 shards in flight. Kinelog: `CassandraJournal`, one conditional statement a commit, all its events in
one row. The other side: unlogged batches of one partition, a row an event, no condition; from one thread that keeps 8
in flight, and from a thread a shard: the faster one counts. Sides take turns. Besides, and not part of the ratio: the
same commits with what a service keeps beside its log, the tail of each shard in memory and the index by entity, which
the committing side writes itself here, since no indexer runs.

    python -m benchmarks.cassandra_commits --nodes 1 --rounds 5
    python -m benchmarks.cassandra_commits --nodes 1 --events 256
    python -m benchmarks.cassandra_commits --nodes 3 --json
"""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click
import msgspec
from kinelog.cassandra_session.connection import Access, Connection, Request, Statement
from kinelog.journal.cassandra.collaborators import EntityReplays
from kinelog.journal.cassandra.entity_recovery import EntityRecovery
from kinelog.journal.cassandra.journal import CassandraJournal, CassandraLog
from kinelog.journal.cassandra.log_identity import identify
from kinelog.journal.cassandra.snapshots import CassandraSnapshots
from kinelog.journal.commit_row import CommitRow, Run
from kinelog.journal.errors import JournalError
from kinelog.journal.records import Positioned, StoredEvent
from kinelog.privacy.key_store import KeyStore

from benchmarks.cassandra_ring import cassandra_ring, connected, deployment
from benchmarks.journal_commits import COMMIT_EVENTS, EVENT_BYTES, People
from benchmarks.rounds import Rates, in_turn, machine, ratio, spread
from cassandra_server.cluster import CassandraCluster

SHARDS = 8
PEOPLE_IN_EACH = 40
WANTED = {1: 0.9, 3: 0.5}
FENCED = "fenced commits"
WITH_INDEX = "fenced commits, tail and index kept"
ONE_THREAD = "unconditional, one thread"
THREADS = "unconditional, a thread a shard"
UNCONDITIONAL = (ONE_THREAD, THREADS)

_PLAIN_TABLE = """
CREATE TABLE IF NOT EXISTS {log}.plain_events (
    shard int, bucket int, position bigint, event blob, PRIMARY KEY ((shard, bucket), position)
)
"""
_INSERT = Statement("INSERT INTO {log}.plain_events (shard, bucket, position, event) VALUES (?, ?, ?, ?)", Access.WRITE)
_ENCODER = msgspec.msgpack.Encoder()

Commits = list[list[StoredEvent]]


class CommitFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the run showed.

    Attributes:
        ratio: Median of the fenced commits over the median of the faster unconditional side.
        events_per_second: Of each side, a figure a round.
    """

    machine: str
    nodes: int
    shards: int
    events_a_commit: int
    event_bytes: int
    ratio: float
    wanted: float
    events_per_second: Rates


class LogAlone:
    """Keeps no tail and no index, so that commits are all that is measured; nobody can recover from it."""

    def replay(self, shard: int, entity: str, after_sequence: int) -> Iterator[Positioned]:
        """Nobody asks."""
        raise NotImplementedError(f"{entity} of shard {shard}: this journal only commits")

    def committed(self, row: CommitRow, runs: Sequence[Run]) -> None:
        """Forget it."""

    def has_room(self, shard: int) -> bool:  # noqa: ARG002 - the protocol's signature
        """Nothing is kept, so there is."""
        return True

    def make_room(self, shard: int) -> None:
        """There is."""

    def forget(self, shard: int) -> None:
        """Nothing is known."""


class Committing:
    """Shards of a journal that commit one thing after the other, all at the same time, as the service's shards do."""

    def __init__(self, connection: Connection, *, indexed: bool) -> None:
        """Take every shard of the deployment's log."""
        identity = identify(connection, SHARDS)
        log = CassandraLog(connection, identity)
        replays: EntityReplays = LogAlone()
        if indexed:
            replays = EntityRecovery(connection, identity.incarnation, SHARDS, log.reader)
        self._journal = CassandraJournal(log, replays, CassandraSnapshots(connection, identity.incarnation))
        acquired = [self._journal.acquire(shard, "benchmark") for shard in range(SHARDS)]
        self._epochs = [each.epoch for each in acquired]
        self._heads = [each.head for each in acquired]

    def write(self, commits: Sequence[Commits]) -> None:
        """Commit all of each shard."""
        ends: list[Future[None]] = [Future() for _ in commits]
        for shard, waiting in enumerate(commits):
            self._next(shard, iter(waiting), ends[shard])
        for end in ends:
            end.result()

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _next(self, shard: int, waiting: Iterator[list[StoredEvent]], end: Future[None]) -> None:
        events = next(waiting, None)
        if events is None:
            end.set_result(None)
            return

        def done(outcome: int | JournalError) -> None:
            if isinstance(outcome, JournalError):
                end.set_exception(outcome)
            else:
                self._heads[shard] = outcome
                self._next(shard, waiting, end)

        self._journal.commit_soon(shard, self._epochs[shard], self._heads[shard], os.urandom(16), events, done)


class Unconditional:
    """The same events, a row each, in batches of one partition: nothing holds an old owner back."""

    def __init__(self, connection: Connection) -> None:
        """Make the table."""
        connection.define(_PLAIN_TABLE)
        self._connection = connection
        self._numbers = itertools.count()

    def from_one_thread(self, commits: Sequence[Commits]) -> None:
        """As many batches in flight as there are shards."""
        sources = [self._batches(shard, waiting) for shard, waiting in enumerate(commits)]
        in_turn_by_shard = (batch for batches in zip(*sources, strict=True) for batch in batches)
        self._connection.write_all(in_turn_by_shard, in_flight=len(commits))

    def from_threads(self, commits: Sequence[Commits]) -> None:
        """Each shard waits for its own."""
        with ThreadPoolExecutor(len(commits)) as pool:
            for future in [pool.submit(self._write, shard, waiting) for shard, waiting in enumerate(commits)]:
                future.result()

    def _write(self, shard: int, waiting: Commits) -> None:
        for batch in self._batches(shard, waiting):
            self._connection.write_all([batch])

    def _batches(self, shard: int, waiting: Commits) -> Iterable[list[Request]]:
        bucket = next(self._numbers)  # a partition of its own a round: as bounded as the log's
        position = 0
        for events in waiting:
            yield [
                (_INSERT, (shard, bucket, position + number, _ENCODER.encode(event)))
                for number, event in enumerate(events, 1)
            ]
            position += len(events)


class Events:
    """What one side writes: a log of its own, so that everybody's sequence numbers go on from round to round."""

    def __init__(self, people: People, commits: int, events: int) -> None:
        """So many commits of each shard, of so many events each, are one round."""
        self._sources = [people.commits(shard, sys.maxsize, events) for shard in range(SHARDS)]
        self._commits = commits
        self._events = events

    def per_second(self, write: Callable[[Sequence[Commits]], None]) -> float:
        """Write a round of events that were sealed before the clock is looked at."""
        commits = [list(itertools.islice(source, self._commits)) for source in self._sources]
        began = time.perf_counter()
        write(commits)
        return SHARDS * self._commits * self._events / (time.perf_counter() - began)


def measure(cluster: CassandraCluster, folder: Path, commits: int, events: int, rounds: int) -> Rates:
    """Rounds of all sides, after one that only warms the server up."""
    keys = KeyStore.open(folder)
    people = People(keys, SHARDS, PEOPLE_IN_EACH)
    with connected(deployment(cluster, "alone")) as connection, connected(deployment(cluster, "indexed")) as other:
        plain, fenced = Unconditional(connection), Committing(connection, indexed=False)
        indexed = Committing(other, indexed=True)
        writers = {
            FENCED: fenced.write,
            ONE_THREAD: plain.from_one_thread,
            THREADS: plain.from_threads,
            WITH_INDEX: indexed.write,
        }
        sides = {side: partial(Events(people, commits, events).per_second, write) for side, write in writers.items()}
        in_turn(sides, 1)
        rates = in_turn(sides, rounds)
        fenced.close()
        indexed.close()
    keys.close()
    return rates


def figures_of(nodes: int, events: int, rates: Rates, told: str) -> CommitFigures:
    """The ratio, and everything that it was made of."""
    best = max((rates[side] for side in UNCONDITIONAL), key=statistics.median)
    return CommitFigures(
        machine=told,
        nodes=nodes,
        shards=SHARDS,
        events_a_commit=events,
        event_bytes=EVENT_BYTES,
        ratio=ratio(rates[FENCED], best),
        wanted=WANTED[nodes],
        events_per_second=rates,
    )


def in_words(figures: CommitFigures) -> str:
    """The figures for people."""
    lines = [
        figures.machine,
        f"{figures.nodes} node(s), {figures.shards} shards with a commit of {figures.events_a_commit} events in flight",
        f"{'events/s':40}    median (smallest to largest of {len(figures.events_per_second[FENCED])} rounds)",
        *(f"{side:40}{spread(rates)}" for side, rates in figures.events_per_second.items()),
        f"fenced against unconditional: {figures.ratio:.2f} (wanted: {figures.wanted})",
    ]
    return "\n".join(lines)


@click.command()
@click.option("--nodes", default="1", show_default=True, type=click.Choice(["1", "3"]), help="Copies of everything.")
@click.option("--commits", default=100, show_default=True, type=click.IntRange(1, 100_000), help="Of a shard a round.")
@click.option("--events", default=COMMIT_EVENTS, show_default=True, type=click.IntRange(1, 256), help="Of a commit.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 50))
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="On the disk to measure.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, nodes: str, commits: int, events: int, rounds: int, folder: Path | None, as_json: bool) -> None:
    r"""Measure fenced commits against unconditional writes of the same events; prints ratios, promises nothing.

    \b
    Example:
      python -m benchmarks.cassandra_commits --nodes 3 --rounds 5
    """
    told = machine()
    with tempfile.TemporaryDirectory() as keys, cassandra_ring(int(nodes), folder) as cluster:
        figures = figures_of(int(nodes), events, measure(cluster, Path(keys), commits, events, rounds), told)
    click.echo(msgspec.json.encode(figures).decode() if as_json else in_words(figures))


if __name__ == "__main__":
    main()
