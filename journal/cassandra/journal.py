"""The journal on Cassandra: the fence's procedures run against a cluster, one commit of each shard in flight."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from kinelog.cassandra_session.connection import Connection
from kinelog.journal import metrics
from kinelog.journal.cassandra.buckets import KnownBuckets
from kinelog.journal.cassandra.collaborators import EntityReplays, SnapshotStore
from kinelog.journal.cassandra.log_identity import LogIdentity
from kinelog.journal.cassandra.log_reader import LogReader
from kinelog.journal.cassandra.procedure_runner import ProcedureRunner
from kinelog.journal.cassandra.procedures import BUCKET_BYTES, Appended, Fence, Place
from kinelog.journal.commit_row import CommitRow, pack
from kinelog.journal.deferred_commits import DeferredCommits
from kinelog.journal.errors import (
    CommitTooLargeError,
    FencedError,
    JournalError,
    UnavailableError,
    UnknownOutcomeError,
)
from kinelog.journal.placement import require_runs_of_shard, require_shard, shard_of_entity
from kinelog.journal.records import Acquired, CommitName, Outcome, Positioned, Snapshot, StoredEvent
from typing_extensions import override

COMMIT_BYTES = 4 << 20
"""Servers take statements of up to 16 MiB, and keep each twice while it is decided."""

INDEXING_THREADS = 2

T = TypeVar("T")


class _Shard:
    """What this process knows of a shard: hints, and where its own next commit goes."""

    def __init__(self) -> None:
        self.known = KnownBuckets()
        self.place: Place | None = None
        self.owner = ""


class CassandraLog:
    """A log's readers and identity, without owners: what the index of entities is built from."""

    def __init__(self, connection: Connection, identity: LogIdentity, *, bucket_bytes: int = BUCKET_BYTES) -> None:
        """Use a connection to a log that `log_identity.identify` knows."""
        self.connection = connection
        self.identity = identity
        self.fence = Fence(bucket_bytes)
        self.shards = [_Shard() for _ in range(identity.shards)]
        self.reader = LogReader(connection, self.fence, [shard.known for shard in self.shards])


class CassandraJournal(DeferredCommits):
    """The journal port on a cluster, open to any number of processes; of several writers, epochs let one through."""

    gather_share = 0.5

    def __init__(
        self,
        log: CassandraLog,
        replays: EntityReplays,
        snapshots: SnapshotStore,
        *,
        commit_bytes: int = COMMIT_BYTES,
    ) -> None:
        """Serve a log.

        Args:
            log: The log; its connection stays the caller's to close, after this was closed.
            replays: Finds one entity's events.
            snapshots: Keeps snapshots.
            commit_bytes: Largest commit.
        """
        self.shards = log.identity.shards
        self.incarnation = log.identity.incarnation
        self.commit_bytes = commit_bytes
        self._log = log
        self._fence = log.fence
        self._runner = ProcedureRunner(log.connection)
        self._replays = replays
        self._snapshots = snapshots
        self._indexing = ThreadPoolExecutor(INDEXING_THREADS, "cassandra-index")
        self._in_flight = 0
        self._idle = threading.Condition()
        self._closed = False

    @override
    def acquire(self, shard: int, owner: str) -> Acquired:
        known = self._require(shard)
        known.place, known.owner = None, owner
        granted = self._runner.run(self._fence.acquire(shard, owner, known.known))
        known.place = granted.place
        metrics.ACQUIRED.inc()
        self._replays.forget(shard)
        return granted.acquired

    @override
    def commit_soon(
        self,
        shard: int,
        epoch: int,
        after: int,
        commit_id: bytes,
        events: Sequence[StoredEvent],
        done: Callable[[int | JournalError], None],
    ) -> None:
        known = self._require(shard)
        started = time.perf_counter()
        if after < 0:
            done(FencedError(shard, epoch))
            return
        row, runs = pack(shard, after, epoch, commit_id, events)
        size = len(row.body) + len(row.directory)
        if size > self.commit_bytes:
            done(CommitTooLargeError(size, self.commit_bytes))
            return
        require_runs_of_shard(runs, shard, self.shards)
        if not self._begin():
            done(UnavailableError("the journal is closed"))
            return

        def go() -> None:
            # Taken out: if anything goes wrong nothing is known for certain any more.
            place, known.place = known.place, None
            self._runner.run_soon(self._fence.commit(row, place, known.owner, known.known), ended)

        def ended(outcome: Appended | JournalError) -> None:
            if isinstance(outcome, Appended):
                known.place = outcome.place
                self._replays.committed(row, runs)
            elif isinstance(outcome, FencedError):
                self._replays.forget(shard)
            _count(outcome, row, size, time.perf_counter() - started)
            self._end()
            done(outcome.last if isinstance(outcome, Appended) else outcome)

        if self._replays.has_room(shard):
            go()
        else:
            self._indexing.submit(self._make_room, shard, go, ended)

    @override
    def outcome(self, shard: int, epoch: int, after: int, commit_id: bytes) -> Outcome:
        known = self._require(shard).known
        return self._runner.run(self._fence.outcome(shard, epoch, after, commit_id, known))

    @override
    def owns(self, shard: int, epoch: int) -> bool:
        return self._runner.run(self._fence.owns(shard, epoch, self._require(shard).known))

    @override
    def owns_soon(self, shard: int, epoch: int, done: Callable[[bool | JournalError], None]) -> None:
        self._runner.run_soon(self._fence.owns(shard, epoch, self._require(shard).known), done)

    @override
    def head(self, shard: int) -> int:
        return self._runner.run(self._fence.head(shard, self._require(shard).known))

    @override
    def read(self, shard: int, after: int, limit: int) -> list[Positioned]:
        self._require(shard)
        return [
            positioned
            for row in self._log.reader.rows_of_events(shard, after, limit)
            for positioned in map(Positioned, range(row.first, row.last + 1), row.events())
            if positioned.position > after
        ]

    @override
    def commits(self, shard: int, after: int, up_to: int) -> list[CommitName]:
        self._require(shard)
        return self._log.reader.names(shard, after, up_to)

    @override
    def replay(self, entity: str, after_sequence: int = 0) -> Iterator[Positioned]:
        return self._replays.replay(shard_of_entity(entity, self.shards), entity, after_sequence)

    @override
    def save_snapshot(self, snapshot: Snapshot) -> None:
        self._snapshots.save(snapshot)

    @override
    def snapshots(self, entity: str) -> list[Snapshot]:
        return self._snapshots.newest(entity)

    @override
    def discard_snapshots(self, person_entity: str) -> None:
        self._snapshots.discard(person_entity)

    @override
    def close(self) -> None:
        """Wait for the commits in flight; none begins any more. The connection stays open."""
        with self._idle:
            self._closed = True
            self._idle.wait_for(lambda: self._in_flight == 0)
        self._indexing.shutdown()

    def _make_room(self, shard: int, go: Callable[[], None], failed: Callable[[JournalError], None]) -> None:
        """What keeps memory bounded when the indexer lags: this commit waits until the index has come near enough."""
        metrics.WAITED_FOR_INDEX.inc()
        try:
            self._replays.make_room(shard)
        except JournalError as error:
            failed(UnavailableError(f"shard {shard}: the index of entities could not be extended: {error}"))
        else:
            go()

    def _begin(self) -> bool:
        with self._idle:
            if not self._closed:
                self._in_flight += 1
                metrics.IN_FLIGHT.inc()
            return not self._closed

    def _end(self) -> None:
        metrics.IN_FLIGHT.dec()
        with self._idle:
            self._in_flight -= 1
            self._idle.notify_all()

    def _require(self, shard: int) -> _Shard:
        require_shard(shard, self.shards)
        return self._log.shards[shard]


def _count(outcome: Appended | JournalError, row: CommitRow, size: int, seconds: float) -> None:
    match outcome:
        case FencedError():
            metrics.FENCED.inc()
            metrics.EPOCHS_LOST.inc()
        case UnknownOutcomeError():
            metrics.UNKNOWN.inc()
        case UnavailableError():
            metrics.UNAVAILABLE.inc()
        case Appended():
            metrics.COMMITS.inc()
            metrics.EVENTS_PER_COMMIT.observe(row.last - row.first + 1)
            metrics.BYTES_PER_COMMIT.observe(size)
            metrics.COMMIT_SECONDS.observe(seconds)
            if outcome.place.state.sealed:
                metrics.BUCKETS_SEALED.inc()
