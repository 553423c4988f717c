"""Events that the shards acknowledge once they are durable in Cassandra: people who each have one command in flight.

The whole way of a command, HTTP left out: mailbox, decision of the domain, sealing, a fenced commit, the answer. Each
person rates something, with as much text that the sealed event has 400 bytes, and rates again as soon as they are
answered. Snapshots are off, since the peer takes none; the index by entity is kept by an indexer in a process of its
own, as `kinelog project` keeps it.
"""

from __future__ import annotations

import multiprocessing
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path
from typing import NamedTuple

from kinelog.actors.answers import Accepted, Answer
from kinelog.actors.region import Region, wall_clock_ms
from kinelog.actors.settings import RegionSettings, ShardSettings
from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.driver_connection import connect
from kinelog.domain.commands import Command, GiveFeedback, RegisterUser
from kinelog.domain.events import FeedbackGiven
from kinelog.domain.identifiers import Person
from kinelog.journal.cassandra.opening import open_log
from kinelog.journal.event_codec import EventCodec
from kinelog.privacy.key_store import KeyStore
from kinelog.service.configuration import Settings
from kinelog.service.running import calm_garbage_collection

from benchmarks.cassandra_ring import connected

EVENT_BYTES = 400
USERS = 1_000
SHARDS = 8
TEXTS = 256
READY_S = 60.0


class Acknowledged(NamedTuple):
    """A round: events a second, and the processor time of this process, microseconds an event."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


class OurSide:
    """Shards over a log in Cassandra, and people who keep them busy."""

    def __init__(self, connection: Connection, folder: Path, users: int = USERS) -> None:
        """Take all shards and register everybody."""
        self._journal = open_log(connection, SHARDS).journal
        self._keys = KeyStore.open(folder)
        codec = EventCodec(self._keys)
        # The peer takes no snapshots either.
        shard = ShardSettings(snapshot_every=sys.maxsize, release_snapshot_from=sys.maxsize)
        self._region = Region(self._journal, self._keys, codec, settings=RegionSettings(shard=shard))
        self._region.start()
        people = [Person("demo", self._keys.enrol("demo", f"user{number}")) for number in range(users)]
        self._ask_all(people, RegisterUser(at_ms=wall_clock_ms()))
        self._texts = texts_for(codec, people[0])
        self._people = people

    def round(self, warm_s: float, seconds: float) -> Acknowledged:
        """Everybody asks again as soon as they are answered; counted are the answers after the warm-up."""
        began = time.perf_counter() + warm_s
        load = _Load(self._region, self._texts, began, began + seconds)
        for person in self._people:
            load.ask(person)
        _sleep_until(began)
        spent = time.process_time()
        _sleep_until(began + seconds)
        spent = time.process_time() - spent
        load.finish(len(self._people))
        waits = sorted(load.waits_s)
        p50, p99 = (1_000 * waits[int(share * len(waits))] for share in (0.5, 0.99))
        return Acknowledged(len(waits) / seconds, 1e6 * spent / len(waits), p50, p99)

    def close(self) -> None:
        """Stop the shards."""
        self._region.stop()
        self._journal.close()
        self._keys.close()

    def _ask_all(self, people: Sequence[Person], command: Command) -> None:
        answers: list[Future[Answer]] = []
        for person in people:
            answers.append(Future())
            self._region.submit(person, command, answers[-1].set_result)
        for answer in answers:
            require_accepted(answer.result(READY_S))


class _Load:
    """What is in flight, and what was answered when; runs on the shards' thread."""

    def __init__(self, region: Region, texts: Sequence[str], began: float, end: float) -> None:
        self.waits_s: list[float] = []
        self._region = region
        self._texts = texts
        self._began = began
        self._end = end
        self._next = 0
        self._finished = threading.Semaphore(0)
        self._refused: list[Answer] = []

    def ask(self, person: Person) -> None:
        """Send a command; its answer sends the next."""
        self._next += 1
        command = GiveFeedback(
            at_ms=wall_clock_ms(), session=None, subject="squat", rating=5, text=self._texts[self._next % TEXTS]
        )
        sent = time.perf_counter()

        def answered(answer: Answer) -> None:
            now = time.perf_counter()
            if not isinstance(answer, Accepted):
                self._refused.append(answer)
            if self._began <= now < self._end:
                self.waits_s.append(now - sent)
            if now >= self._end or self._refused:
                self._finished.release()
            else:
                self.ask(person)

        self._region.submit(person, command, answered)

    def finish(self, users: int) -> None:
        """Wait for the last answers.

        Raises:
            RuntimeError: Somebody was refused, or is not answered.
        """
        for _ in range(users):
            if not self._finished.acquire(timeout=READY_S):
                raise RuntimeError("somebody is not answered")
        if self._refused:
            raise RuntimeError(f"refused: {self._refused[0]}")


def require_accepted(answer: Answer) -> None:
    """Fail on anything else."""
    assert isinstance(answer, Accepted), answer


def texts_for(codec: EventCodec, person: Person) -> list[str]:
    """Texts, all different, with which a sealed rating has exactly as many bytes as an event of the peer."""

    def sealed_bytes(length: int) -> int:
        event = FeedbackGiven(at_ms=wall_clock_ms(), session=None, subject="squat", rating=5, text="x" * length)
        return len(codec.seal(person.persistence_id, 1, event).payload.ciphertext)

    length = next(length for length in range(EVENT_BYTES) if sealed_bytes(length) == EVENT_BYTES)
    return [secrets.token_hex(length)[:length] for _ in range(TEXTS)]


@contextmanager
def indexer_beside(address: CassandraAddress) -> Iterator[None]:
    """An indexer of all shards in a process of its own."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_index, args=(address, stop))
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


@contextmanager
def our_side(address: CassandraAddress, folder: Path, users: int = USERS) -> Iterator[OurSide]:
    """Shards as a process of the service runs them, and the indexer beside them."""
    sys.setswitchinterval(Settings().switch_interval_s)
    with connected(address) as connection:
        ours = OurSide(connection, folder, users)
        calm_garbage_collection()
        try:
            with indexer_beside(address):
                yield ours
        finally:
            ours.close()


def _index(address: CassandraAddress, stop: ProcessEvent) -> None:
    connection = connect(address)
    stopping = threading.Event()

    def pass_on() -> None:
        stop.wait()
        stopping.set()

    threading.Thread(target=pass_on, daemon=True).start()
    open_log(connection, None).indexer().run(stopping)
    connection.close()


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.perf_counter()))
