"""How fast events come back: `python -m benchmarks.replay`.

One session of 10 000 frames (270 bytes each, sealed) in a log that other people write to as well, written in two ways:
live, where each commit holds one frame of each of 16 people, and in bulk, where a commit holds 64 frames of the
session. Measured are the events as stored, opened (decrypted, authenticated, decoded), and folded into the session's
state; the log in order; and how long a user of the session waits for it with a snapshot. Figures are given as ratios
of the limits, and of decoding the same events from one msgpack list in memory, which no store can beat.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from kinelog.actors.recovery import Recoverer
from kinelog.actors.rules import DOMAIN_RULES
from kinelog.actors.snapshots import seal_state
from kinelog.codecs.values import BlockSummary, DeviceKind, Format, FrameSummary, SensorKind
from kinelog.domain.decider import evolve, initial
from kinelog.domain.events import Event, FrameRecorded, SessionStarted
from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.records import StoredEvent
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.key_store import KeyStore

from benchmarks.disk import sync_milliseconds

TOGETHER_LIVE = 16
TOGETHER_BULK = 64
BEHIND_SNAPSHOT = 99
"""A snapshot is taken every 100 events: the worst case."""

WANTED_EVENTS = 100_000
WANTED_READY_MS = 50
ROUNDS = 5
SESSION = "11111111-1111-4111-8111-111111111111"
SUMMARY = FrameSummary(Format.AE, 1, DeviceKind.PEBBLE, (BlockSummary(SensorKind.ACCELEROMETER, "left-wrist", 50, 50),))


class Store:
    """A journal and its keys in a folder."""

    def __init__(self, folder: Path, events: int) -> None:
        """Open both, with as many people in one shard as write together."""
        self.events = events
        self.keys = KeyStore.open(folder / "keys")
        self.codec = EventCodec(self.keys)
        self.journal = SqliteJournal(folder / "log" / "journal.db", shards=4)
        self.people: list[Person] = []
        number = 0
        while len(self.people) < TOGETHER_LIVE:
            person = Person("demo", self.keys.enrol("demo", f"user{number}"))
            number += 1
            if shard_of(person, 4) == 0:
                self.people.append(person)
        self.owner = self.journal.acquire(0, "benchmark")
        self.head = 0

    @property
    def entity(self) -> str:
        """The session that is replayed."""
        return self.people[0].session(SESSION)

    def commit(self, events: list[StoredEvent]) -> None:
        """Append to the only shard that is used."""
        self.head = self.journal.commit(0, self.owner.epoch, self.head, os.urandom(16), events)

    def frame(self, person: Person, sequence: int) -> StoredEvent:
        """Event `sequence` of a person's session."""
        event: Event = SessionStarted(at_ms=1_700_000_000_000, started_at_ms=1_700_000_000_000)
        if sequence > 1:
            event = FrameRecorded(
                at_ms=1_700_000_000_000 + 1_000 * sequence,
                device="watch",
                sequence=sequence,
                digest=os.urandom(8),
                start_ms=None,
                summary=SUMMARY,
                data=os.urandom(270),
            )
        return self.codec.seal(person.session(SESSION), sequence, event)

    def close(self) -> None:
        """Close both."""
        self.journal.close()
        self.keys.close()


def write_live(store: Store) -> None:
    """A frame of each of 16 people in each commit."""
    for sequence in range(1, store.events + 1):
        store.commit([store.frame(person, sequence) for person in store.people])


def write_bulk(store: Store) -> None:
    """Frames of one session, 64 in a commit."""
    for start in range(1, store.events + 1, TOGETHER_BULK):
        end = min(start + TOGETHER_BULK, store.events + 1)
        store.commit([store.frame(store.people[0], sequence) for sequence in range(start, end)])


def seconds_of(work: Callable[[], object]) -> float:
    """Median of several rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def report(what: str, events: int, seconds: float, limit_seconds: float) -> None:
    """A line: rate, ratio to the wanted rate, ratio to decoding from memory."""
    rate = events / seconds
    print(
        f"  {what:34} {rate:10,.0f} events/s {rate / WANTED_EVENTS:6.2f}x wanted {limit_seconds / seconds:6.2f}x memory"
    )


def measure(store: Store) -> None:
    """Replay, log order, and readiness."""
    codec, journal, entity, events = store.codec, store.journal, store.entity, store.events
    stored = [item.event for item in journal.replay(entity)]
    assert len(stored) == events

    def opened(records: Iterable[StoredEvent]) -> list[Event]:
        opening = codec.opening()
        return [opening.open(record) for record in records]

    packed = msgspec.msgpack.encode(stored)
    decoder = msgspec.msgpack.Decoder(list[StoredEvent])
    memory = seconds_of(lambda: opened(decoder.decode(packed)))

    def folded() -> None:
        state = initial(entity)
        opening = codec.opening()
        for item in journal.replay(entity):
            state = evolve(state, opening.open(item.event))

    report("replay, as stored", events, seconds_of(lambda: list(journal.replay(entity))), memory)
    report("replay, opened", events, seconds_of(lambda: opened(i.event for i in journal.replay(entity))), memory)
    report("replay, opened and folded", events, seconds_of(folded), memory)
    measure_log_order(store, memory)
    measure_readiness(store)


def measure_log_order(store: Store, memory: float) -> None:
    """The whole shard, as a projection reads it."""

    def read(*, opened: bool) -> None:
        after = 0
        while items := store.journal.read(0, after, 1_024):
            if opened:
                opening = store.codec.opening()
                for item in items:
                    opening.open(item.event)
            after = items[-1].position

    limit = memory * store.head / store.events
    report("log order, as stored", store.head, seconds_of(lambda: read(opened=False)), limit)
    report("log order, opened", store.head, seconds_of(lambda: read(opened=True)), limit)


def measure_readiness(store: Store) -> None:
    """Snapshot and the events behind it, read through the recovery that the shards use."""
    entity = store.entity
    state = initial(entity)
    for item in store.journal.replay(entity):
        if item.event.sequence > store.events - BEHIND_SNAPSHOT:
            break
        state = evolve(state, store.codec.open(item.event))
    store.journal.save_snapshot(
        seal_state(entity, store.events - BEHIND_SNAPSHOT, state, 1_700_000_000_000, store.keys)
    )
    recoverer = Recoverer(store.journal, store.keys, store.codec, DOMAIN_RULES)
    milliseconds = 1_000 * seconds_of(lambda: recoverer.recover(entity, 1))
    print(f"  {'ready with a snapshot':34} {milliseconds:10.1f} ms       {WANTED_READY_MS / milliseconds:6.2f}x wanted")


def main() -> None:
    """Write both logs and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured (default: the temporary one)")
    parser.add_argument("--events", type=int, default=10_000, help="of the session (default: %(default)d)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        print(f"sync of this disk: {sync_milliseconds(Path(name)):.2f} ms")
        for label, write in (("written live", write_live), ("written in bulk", write_bulk)):
            store = Store(Path(name) / label, arguments.events)
            write(store)
            print(f"{label}: {store.events} events of a session among {store.head} of its shard")
            measure(store)
            store.close()


if __name__ == "__main__":
    main()
