"""How long a user waits whose shard has just started: `python -m benchmarks.recovery`.

On Cassandra, on this machine: a session of 10 000 frames (270 bytes each, sealed) in the log of a shard to which others
write as well. Measured is the recovery that the shards use: newest snapshot, events behind it, opened and folded.

- with a snapshot, taken a hundred events before the end;
- without, and a process that has read the shard's tail before (warm) or that starts (cold);
- an entity that is in the tail only, so that the index knows nothing of it;
- without a snapshot, with an index that was lost, so that the log itself is looked through.

Figures are given as ratios of the limits, and of opening and folding the same events from one msgpack list in memory,
which no store can beat. Processor time of this process is given besides: it is what a shared machine cannot spoil.

With `--peer FOLDER` Pekko Persistence, built there, recovers as many events of 400 bytes without a snapshot from the
same server, in a fresh process, several times; the first time is cold. Ours takes turns with it.

    python -m benchmarks.recovery --peer /tmp/pekko
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from kinelog.actors import messages
from kinelog.actors.recovery import Recoverer
from kinelog.actors.rules import DOMAIN_RULES
from kinelog.actors.snapshots import seal_state
from kinelog.cassandra_session.connection import Connection
from kinelog.codecs.values import BlockSummary, DeviceKind, Format, FrameSummary, SensorKind
from kinelog.domain.decider import State, evolve, initial
from kinelog.domain.events import Event, FrameRecorded, SessionStarted
from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal.cassandra.indexer import Indexer, IndexRebuild
from kinelog.journal.cassandra.journal import CassandraJournal
from kinelog.journal.cassandra.opening import open_log
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.records import StoredEvent
from kinelog.privacy.key_store import KeyStore

from benchmarks.cassandra_ring import HEAP, cassandra_ring, connected, deployment
from benchmarks.pekko_peer import UNTAGGED, PekkoPeer
from benchmarks.rounds import machine

SHARDS = 4
SHARD = 0
TOGETHER = 16
FRAMES_A_COMMIT = 4
BEHIND_SNAPSHOT = 99
"""A snapshot is taken every 100 events: the worst case."""

WANTED_WITH_SNAPSHOT_MS = 20.0
WANTED_WITHOUT_MS = 200.0
"""Half of what Pekko Persistence takes at its best for as many events, in a process that is warm."""

WANTED_TIMES_PEER = 2.0
PEER_ROUNDS = 3
PEER_RECOVERIES = 5

ROUNDS = 7
SESSION = "11111111-1111-4111-8111-111111111111"
SUMMARY = FrameSummary(Format.AE, 1, DeviceKind.PEBBLE, (BlockSummary(SensorKind.ACCELEROMETER, "left-wrist", 50, 50),))


class People:
    """Keys, and as many people of one shard as train together."""

    def __init__(self, folder: Path) -> None:
        """Enrol them."""
        self.keys = KeyStore.open(folder)
        self.codec = EventCodec(self.keys)
        self.people: list[Person] = []
        number = 0
        while len(self.people) < TOGETHER + 1:
            person = Person("demo", self.keys.enrol("demo", f"user{number}"))
            number += 1
            if shard_of(person, SHARDS) == SHARD:
                self.people.append(person)

    def frame(self, person: Person, sequence: int) -> StoredEvent:
        """Event `sequence` of a person's session."""
        at_ms = 1_700_000_000_000 + 1_000 * sequence
        event: Event = SessionStarted(at_ms=at_ms, started_at_ms=at_ms)
        if sequence > 1:
            event = FrameRecorded(
                at_ms=at_ms,
                device="watch",
                sequence=sequence,
                digest=os.urandom(8),
                start_ms=None,
                summary=SUMMARY,
                data=os.urandom(270),
            )
        return self.codec.seal(person.session(SESSION), sequence, event)


class Process:
    """What a process of the service has: a journal with empty caches, and the recovery on it."""

    def __init__(self, connection: Connection, people: People) -> None:
        """Open the log."""
        self.log, recovery, self.journal = open_log(connection, SHARDS)
        self.index = recovery.index
        self.recoverer = Recoverer(self.journal, people.keys, people.codec, DOMAIN_RULES)

    def recover(self, entity: str, sequence: int) -> None:
        """Recover an entity, and see that all of it came back."""
        recovered = self.recoverer.recover(entity, 1)
        assert isinstance(recovered, messages.Recovered)
        assert recovered.sequence == sequence


def write(journal: CassandraJournal, people: People, events: int) -> None:
    """Sixteen sessions, some frames of each in each commit; the last person's comes at the end, behind the index."""
    owner = journal.acquire(SHARD, "benchmark")
    head = owner.head
    for first in range(1, events + 1, FRAMES_A_COMMIT):
        batch = [
            people.frame(person, sequence)
            for person in people.people[:TOGETHER]
            for sequence in range(first, min(first + FRAMES_A_COMMIT, events + 1))
        ]
        head = journal.commit(SHARD, owner.epoch, head, os.urandom(16), batch)
    late = [people.frame(people.people[TOGETHER], sequence) for sequence in range(1, BEHIND_SNAPSHOT + 1)]
    journal.commit(SHARD, owner.epoch, head, os.urandom(16), late)


class Taken(NamedTuple):
    """Medians of several rounds, milliseconds: by the clock on the wall, and of this process's processor time."""

    wall: float
    cpu: float


def milliseconds(work: Callable[[], object]) -> Taken:
    """Do it several times."""
    walls, spent = [], []
    for _ in range(ROUNDS):
        began, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - began)
        spent.append(time.process_time() - cpu)
    return Taken(1_000 * statistics.median(walls), 1_000 * statistics.median(spent))


def report(what: str, taken: Taken, wanted: float, memory: Taken) -> None:
    """A line: time, how often it goes into what is wanted, processor time, share of it that memory alone would take."""
    print(
        f"  {what:36} {taken.wall:8.1f} ms {wanted / taken.wall:7.2f}x wanted {taken.cpu:8.1f} ms CPU "
        f"{memory.cpu / taken.cpu:6.2f}x memory"
    )


def measure_indexing(process: Process) -> None:
    """The whole index anew, as an indexer writes it that was never there before."""
    IndexRebuild(process.index, process.log.reader, SHARD).start_over()
    began = time.perf_counter()
    blocks = Indexer(process.index, process.log.reader, [SHARD]).catch_up()
    taken = time.perf_counter() - began
    head, indexed = process.journal.head(SHARD), process.index.offset(SHARD).position
    print(f"  {blocks} blocks indexed, {indexed / taken:,.0f} events/s; {head - indexed} of {head} events behind them")


def against(peer: PekkoPeer, connection: Connection, people: People, events: int) -> None:
    """Cold recoveries without a snapshot, ours and the peer's in turns; to be called before there is a snapshot."""
    entity = people.people[0].session(SESSION)
    theirs = peer.store(UNTAGGED, events)
    ours_cold, cold, warm = [], [], []
    for _ in range(PEER_ROUNDS):
        began = time.perf_counter()
        process = Process(connection, people)
        process.recover(entity, events)
        ours_cold.append(1_000 * (time.perf_counter() - began))
        process.journal.close()
        first, *others = peer.recoveries_ms(UNTAGGED, theirs, events, PEER_RECOVERIES)
        cold.append(first)
        warm.append(min(others))
    ours, peer_cold, peer_warm = map(statistics.median, (ours_cold, cold, warm))
    print(f"  peer: {peer.versions}; {PEER_ROUNDS} rounds in turns, medians; wanted: {WANTED_TIMES_PEER}x")
    print(f"  without snapshot, cold: {ours:,.0f} ms; peer {peer_cold:,.0f} ms, at its best warm {peer_warm:,.0f} ms")
    print(f"  {peer_cold / ours:.1f}x as fast as the peer cold, {peer_warm / ours:.1f}x as fast as its best")


def measure(connection: Connection, people: People, events: int) -> None:
    """All cases, each checked to give the whole entity."""
    process = Process(connection, people)
    entity, late = (person.session(SESSION) for person in (people.people[0], people.people[TOGETHER]))
    stored = [item.event for item in process.journal.replay(entity)]
    assert len(stored) == events
    decoder = msgspec.msgpack.Decoder(list[StoredEvent])

    def from_memory(packed: bytes) -> State:
        opening, state = people.codec.opening(), initial(entity)
        for event in decoder.decode(packed):
            state = evolve(state, opening.open(event))
        return state

    def cold(what: str, count: int) -> None:
        Process(connection, people).recover(what, count)

    packed, packed_few = msgspec.msgpack.encode(stored), msgspec.msgpack.encode(stored[:BEHIND_SNAPSHOT])
    memory = milliseconds(lambda: from_memory(packed))
    report("as stored, warm", milliseconds(lambda: list(process.journal.replay(entity))), WANTED_WITHOUT_MS, memory)
    report("without snapshot, warm", milliseconds(lambda: process.recover(entity, events)), WANTED_WITHOUT_MS, memory)
    report("without snapshot, cold", milliseconds(lambda: cold(entity, events)), WANTED_WITHOUT_MS, memory)
    few = milliseconds(lambda: from_memory(packed_few))
    only_tail = milliseconds(lambda: process.recover(late, BEHIND_SNAPSHOT))
    report("99 events in the tail only, warm", only_tail, WANTED_WITH_SNAPSHOT_MS, few)
    state = from_memory(msgspec.msgpack.encode(stored[: events - BEHIND_SNAPSHOT]))
    process.journal.save_snapshot(seal_state(entity, events - BEHIND_SNAPSHOT, state, 1_700_000_000_000, people.keys))
    with_snapshot = milliseconds(lambda: process.recover(entity, events))
    report("with snapshot, warm", with_snapshot, WANTED_WITH_SNAPSHOT_MS, few)
    report("with snapshot, cold", milliseconds(lambda: cold(entity, events)), WANTED_WITH_SNAPSHOT_MS, few)
    IndexRebuild(process.index, process.log.reader, SHARD).start_over()
    lost = milliseconds(lambda: list(process.journal.replay(entity)))
    report("as stored, the index lost", lost, WANTED_WITHOUT_MS, memory)
    process.journal.close()


def main() -> None:
    """Start a server, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000, help="of the session (default: %(default)d)")
    parser.add_argument("--peer", type=Path, help="folder in which Pekko Persistence's load program was built")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name, cassandra_ring(1) as cluster:
        peer = None if arguments.peer is None else PekkoPeer(arguments.peer, cluster.contact_points[0])
        with connected(deployment(cluster, "recovery")) as connection:
            people = People(Path(name))
            process = Process(connection, people)
            write(process.journal, people, arguments.events)
            process.journal.close()
            print(f"{arguments.events} events of a session in one of {SHARDS} shards; one node, heap {HEAP}")
            measure_indexing(process)
            if peer is not None:
                against(peer, connection, people, arguments.events)
            measure(connection, people, arguments.events)
            people.keys.close()


if __name__ == "__main__":
    main()
