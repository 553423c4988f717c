"""The embedded journal: one SQLite file in WAL mode with `synchronous=FULL`, one writer thread, group commit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kinelog.journal import metrics, sqlite_file, sqlite_snapshots
from kinelog.journal.commit_row import CommitRow, Run, events_of_run, pack
from kinelog.journal.deferred_commits import DeferredCommits
from kinelog.journal.entity_index import LogTail
from kinelog.journal.errors import (
    CommitTooLargeError,
    CorruptError,
    FencedError,
    JournalError,
    StorageFullError,
    UnavailableError,
    UnknownOutcomeError,
)
from kinelog.journal.placement import require_runs_of_shard, require_shard, shard_of_entity
from kinelog.journal.records import Acquired, CommitName, Outcome, Positioned, Snapshot, StoredEvent
from kinelog.journal.sqlite_file import row_id
from kinelog.journal.sqlite_readers import SqliteReaders
from kinelog.journal.sqlite_snapshots import SnapshotFile
from kinelog.journal.sqlite_transaction import Transaction
from kinelog.journal.sqlite_writer import SqliteWriter, Write
from typing_extensions import override

FILE_NAME = "journal.db"
COMMIT_BYTES = 8 << 20
REPLAY_RUNS = 1_024
"""Runs that a replay reads in one view of the file."""

_NAMES = "SELECT id, first, epoch, commit_id FROM commits WHERE id > ? AND id < ? ORDER BY id"

_INDEXED_RUNS = """
SELECT r.last_sequence, r.count, r.position, r.start, r.length, r.crc, substr(c.body, r.start + 1, r.length)
FROM entity_runs r LEFT JOIN commits c ON c.id = r.row
WHERE r.entity = (SELECT id FROM entities WHERE entity = ?) AND r.last_sequence > ?
ORDER BY r.last_sequence LIMIT ?
"""


class SqliteJournal(DeferredCommits):
    """The journal port on one file. Several processes may read it; of several writers, epochs let one through."""

    def __init__(
        self,
        path: Path,
        shards: int | None = None,
        *,
        commit_bytes: int = COMMIT_BYTES,
        page_bytes: int = 4_096,
        busy_ms: int = 10_000,
    ) -> None:
        """Open the log, or make it.

        Args:
            path: The file; snapshots lie beside it.
            shards: Number of shards; None takes what the file was made with, 16 for a new one.
            commit_bytes: Largest commit.
            page_bytes: Size of a page in a new file.
            busy_ms: How long to wait for another process that writes.

        Raises:
            IncompatibleStoreError: The file has another layout or number of shards.
            UnavailableError: The file does not answer.
        """
        identity = sqlite_file.open_or_create(path, shards, page_bytes, busy_ms)
        self.shards = identity.shards
        self.incarnation = identity.incarnation
        self.path = path
        self.commit_bytes = commit_bytes
        self._readers = SqliteReaders(path, busy_ms)
        self._writer = SqliteWriter(path, busy_ms)
        self._tails = [LogTail(shard) for shard in range(self.shards)]
        self._snapshots = SnapshotFile(path.with_name(sqlite_snapshots.FILE_NAME), self.incarnation, busy_ms)

    @override
    def acquire(self, shard: int, owner: str) -> Acquired:
        def raise_epoch(transaction: Transaction) -> Acquired:
            return Acquired(*transaction.raise_epoch(shard, owner))

        require_shard(shard, self.shards)
        return self._writer.run(Write(raise_epoch))

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
        require_shard(shard, self.shards)
        started = time.perf_counter()
        row, runs = pack(shard, after, epoch, commit_id, events)
        size = len(row.body) + len(row.directory)
        if size > self.commit_bytes:
            done(CommitTooLargeError(size, self.commit_bytes))
            return
        require_runs_of_shard(runs, shard, self.shards)

        def append(transaction: Transaction) -> int:
            # Within the write transaction: nobody can take the shard between this look and the row.
            newest, head = transaction.epoch_and_head(shard)
            if newest != epoch or head != after:
                raise FencedError(shard, epoch, newest)
            transaction.append(row)
            self._writer.committed(shard, len(events))
            return row.last

        def told(outcome: int | JournalError) -> None:
            _count(outcome, len(events), time.perf_counter() - started)
            done(outcome)

        try:
            self._writer.submit(Write(append, size).then(told))
        except UnavailableError as error:
            done(error)

    @override
    def outcome(self, shard: int, epoch: int, after: int, commit_id: bytes) -> Outcome:
        for row in self._rows(shard, after, 1):
            if row.first == after + 1 and row.epoch == epoch and row.commit_id == commit_id:
                return Outcome(applied=True, first=row.first, last=row.last)
        return Outcome(applied=False)

    @override
    def owns(self, shard: int, epoch: int) -> bool:
        require_shard(shard, self.shards)
        with self._readers.view() as connection:
            return _epoch_and_head(connection, shard)[0] == epoch

    @override
    def head(self, shard: int) -> int:
        require_shard(shard, self.shards)
        with self._readers.view() as connection:
            return _epoch_and_head(connection, shard)[1]

    @override
    def read(self, shard: int, after: int, limit: int) -> list[Positioned]:
        found: list[Positioned] = []
        if limit <= 0:
            return found
        expected = after + 1
        for row in self._rows(shard, after, limit):
            if row.first > expected or (row.first < expected and found):
                raise CorruptError(row.where, f"follows position {expected - 1}")
            events = row.events()
            skipped = expected - row.first
            found += map(Positioned, range(expected, row.last + 1), events[skipped:] if skipped else events)
            expected = row.last + 1
        return found

    @override
    def commits(self, shard: int, after: int, up_to: int) -> list[CommitName]:
        require_shard(shard, self.shards)
        names: list[CommitName] = []
        expected = after + 1
        with self._readers.view() as connection:
            stretch = (row_id(shard, after), row_id(shard + 1, 0))
            for row, first, epoch, commit_id in connection.execute(_NAMES, stretch):
                if first > up_to:
                    break
                name = CommitName(first, row & sqlite_file.POSITION_MASK, epoch, commit_id)
                if first > expected or (first < expected and names):
                    raise CorruptError(f"shard {shard}, positions {first}-{name.last}", f"follows {expected - 1}")
                names.append(name)
                expected = name.last + 1
        return names

    @override
    def replay(self, entity: str, after_sequence: int = 0) -> Iterator[Positioned]:
        tail = self._tails[shard_of_entity(entity, self.shards)]
        sequence = after_sequence
        while True:
            # A view for each stretch, not one for all: a reader that takes its time must not keep the log growing.
            with self._readers.view() as connection:
                runs = self._stretch(connection, tail, entity, sequence)
            for run, content in runs:
                if run.count == 1 and run.last_sequence == sequence + 1:
                    sequence += 1
                    yield Positioned(run.position, events_of_run(run, content)[0])
                    continue
                events = events_of_run(run, content)
                skipped = sequence - (run.last_sequence - run.count)
                # Only where the caller starts, within a run, is there something to skip.
                if skipped < 0 or (skipped > 0 and sequence != after_sequence):
                    raise CorruptError(f"{entity}#{sequence + 1}", f"#{sequence - skipped + 1} stands in its place")
                yield from map(Positioned, range(run.position + skipped, run.position + run.count), events[skipped:])
                sequence = run.last_sequence
            if len(runs) < REPLAY_RUNS:
                return

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
        """Finish what is in flight and close."""
        self._writer.close()
        self._readers.close()
        self._snapshots.close()

    def _stretch(
        self, connection: sqlite3.Connection, tail: LogTail, entity: str, after: int
    ) -> list[tuple[Run, bytes | None]]:
        """The next runs of an entity with their bytes, from the index and, where that ends, from the log's tail."""
        runs: list[tuple[Run, bytes | None]] = [
            (Run(entity, *row[:6]), row[6]) for row in connection.execute(_INDEXED_RUNS, (entity, after, REPLAY_RUNS))
        ]
        room = REPLAY_RUNS - len(runs)
        if room:
            after = runs[-1][0].last_sequence if runs else after
            for row, run in tail.runs(connection, entity, after)[:room]:
                found = connection.execute(
                    "SELECT substr(body, ?, ?) FROM commits WHERE id = ?", (run.start + 1, run.length, row)
                ).fetchone()
                runs.append((run, found and found[0]))
        return runs

    def _rows(self, shard: int, after: int, events: int) -> list[CommitRow]:
        """The rows from the one that holds position `after + 1` on, until they hold so many events."""
        require_shard(shard, self.shards)
        rows: list[CommitRow] = []
        with self._readers.view() as connection:
            cursor = connection.execute(
                "SELECT id, first, epoch, commit_id, checksum, directory, body FROM commits "
                "WHERE id > ? AND id < ? ORDER BY id",
                (row_id(shard, after), row_id(shard + 1, 0)),
            )
            for row, first, *rest in cursor:
                last = row & sqlite_file.POSITION_MASK
                rows.append(CommitRow(shard, first, last, *rest))
                if last - after >= events:
                    break
        return rows


def _epoch_and_head(connection: sqlite3.Connection, shard: int) -> tuple[int, int]:
    epoch, head = connection.execute("SELECT epoch, head FROM epochs WHERE shard = ?", (shard,)).fetchone()
    return epoch, head


def _count(outcome: int | JournalError, events: int, seconds: float) -> None:
    match outcome:
        case FencedError():
            metrics.FENCED.inc()
        case StorageFullError():
            metrics.FULL.inc()
        case UnknownOutcomeError():
            metrics.UNKNOWN.inc()
        case int():
            metrics.COMMITS.inc()
            metrics.EVENTS_PER_COMMIT.observe(events)
            metrics.COMMIT_SECONDS.observe(seconds)
