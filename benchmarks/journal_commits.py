"""Durable events a second, against the `eventsourcing` library's saves a second.

Run with `python -m benchmarks.journal_commits`.

Both write events of 400 bytes to a SQLite file on the same disk, in WAL mode with `synchronous=FULL`, so that what was
answered survives a power cut. Kinelog: 64 events a commit, several shards in flight, each with one commit at a time,
once with events that are sealed already and once with sealing counted. `eventsourcing`: an event a save, which is how
an application of it stores what happened, with as many threads as make it fastest of those tried. The two take turns.
"""

from __future__ import annotations

import argparse
import itertools
import os
import secrets
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal.event_codec import associated_data
from kinelog.journal.records import StoredEvent
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.key_store import KeyStore

from benchmarks.disk import sync_milliseconds

EVENT_BYTES = 400
COMMIT_EVENTS = 64
WANTED_RATIO = 25
TYPE = "FrameRecorded"
PLAINTEXT = secrets.token_bytes(EVENT_BYTES - 16)
"""The tag of 16 bytes makes it 400."""


class Exercise(Aggregate):
    """An aggregate of the peer."""

    @event("Recorded")
    def record(self, data: str) -> None:
        """One event of 400 characters."""
        self.data = data


class People:
    """Who writes: the same number in each shard, with their keys."""

    def __init__(self, keys: KeyStore, shards: int, in_each: int) -> None:
        """Enrol until every shard has its people."""
        self.keys = keys
        self.of_shard: list[list[Person]] = [[] for _ in range(shards)]
        number = 0
        while any(len(people) < in_each for people in self.of_shard):
            person = Person("demo", keys.enrol("demo", f"user{number}"))
            number += 1
            people = self.of_shard[shard_of(person, shards)]
            if len(people) < in_each:
                people.append(person)

    def commits(self, shard: int, commits: int, events: int = COMMIT_EVENTS) -> Iterator[list[StoredEvent]]:
        """Events for a number of commits, sealed when they are asked for; people take turns, an event each."""
        sequences: dict[str, int] = {}
        turns = itertools.cycle(self.of_shard[shard])
        for _ in range(commits):
            yield [self._sealed(person, sequences) for person in itertools.islice(turns, events)]

    def _sealed(self, person: Person, sequences: dict[str, int]) -> StoredEvent:
        entity = person.persistence_id
        sequences[entity] = sequence = sequences.get(entity, 0) + 1
        payload = self.keys.sealer(*person).seal(PLAINTEXT, associated_data(entity, sequence, TYPE, 1))
        return StoredEvent(entity, sequence, TYPE, 1, 1_700_000_000_000, payload)


def kinelog_events(folder: Path, people: People, in_flight: int, commits: int, *, sealing: bool) -> float:
    """Events a second of `in_flight` shards that commit one after the other, each."""
    journal = SqliteJournal(folder / secrets.token_hex(4) / "journal.db", shards=len(people.of_shard))
    owners = [journal.acquire(shard, "benchmark") for shard in range(in_flight)]
    sources: list[Iterable[list[StoredEvent]]] = [people.commits(shard, commits) for shard in range(in_flight)]
    if not sealing:
        sources = [list(source) for source in sources]
    start = threading.Barrier(in_flight + 1)

    def write(shard: int) -> None:
        head = 0
        start.wait()
        for events in sources[shard]:
            head = journal.commit(shard, owners[shard].epoch, head, os.urandom(16), events)

    with ThreadPoolExecutor(in_flight) as pool:
        futures = [pool.submit(write, shard) for shard in range(in_flight)]
        start.wait()
        began = time.perf_counter()
        for future in futures:
            future.result()
        taken = time.perf_counter() - began
    journal.close()
    return in_flight * commits * COMMIT_EVENTS / taken


def peer_saves(folder: Path, threads: int, saves: int) -> float:
    """Saves a second of the peer, each one event, each durable when it returns."""
    path = folder / f"{secrets.token_hex(4)}.db"
    application: Application[UUID] = Application(
        env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path), "SQLITE_LOCK_TIMEOUT": "30"}
    )
    start = threading.Barrier(threads + 1)

    def write() -> None:
        exercise = Exercise()
        application.save(exercise)
        start.wait()
        for _ in range(saves):
            exercise.record("x" * EVENT_BYTES)
            application.save(exercise)

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(write) for _ in range(threads)]
        start.wait()
        began = time.perf_counter()
        for future in futures:
            future.result()
        taken = time.perf_counter() - began
    application.close()
    _require_equal_durability(path)
    return threads * saves / taken


def _require_equal_durability(path: Path) -> None:
    """The peer sets no `synchronous`; the library's default has to be FULL (2), and its file in WAL mode."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured (default: the temporary one)")
    parser.add_argument("--commits", type=int, default=60, help="of each shard in a round")
    parser.add_argument("--saves", type=int, default=1_500, help="of the peer in a round")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        print(f"sync of this disk: {sync_milliseconds(folder):.2f} ms (median, 4 KiB appended)")
        keys = KeyStore.open(folder / "keys")
        people = People(keys, shards=16, in_each=40)
        contestants: dict[str, Callable[[], float]] = {
            "peer, 1 thread": lambda: peer_saves(folder, 1, arguments.saves),
            "peer, 4 threads": lambda: peer_saves(folder, 4, arguments.saves // 4),
        }
        for in_flight in (8, 16):
            for sealing in (False, True):
                label = f"kinelog, {in_flight} shards, " + ("sealing counted" if sealing else "sealed before")
                contestants[label] = partial(
                    kinelog_events, folder, people, in_flight, arguments.commits, sealing=sealing
                )
        rates: dict[str, list[float]] = {label: [] for label in contestants}
        for _ in range(arguments.rounds):
            for label, measure in contestants.items():
                rates[label].append(measure())
        keys.close()
    middle = {label: statistics.median(found) for label, found in rates.items()}
    best_peer = max(rate for label, rate in middle.items() if label.startswith("peer"))
    for label, rate in middle.items():
        ratio = f"{rate / best_peer:6.1f}x (wanted: {WANTED_RATIO}x)" if label.startswith("kinelog") else ""
        print(f"{label:36} {rate:10,.0f} events/s {ratio}")


if __name__ == "__main__":
    main()
