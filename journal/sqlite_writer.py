"""The one thread that writes: everything that waits goes into one transaction, and so behind one fsync."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Generic, TypeVar

from kinelog.journal import entity_index, metrics, sqlite_file
from kinelog.journal.errors import CorruptError, JournalError, StorageFullError, UnavailableError, UnknownOutcomeError
from kinelog.journal.sqlite_transaction import Transaction

GROUP_BYTES = 32 << 20
"""Bytes of commits that go into one transaction at most."""

INDEX_EVENTS = 2_048
"""Events of a shard that the index may lag behind before it is extended."""

CHECKPOINT_BYTES = 8 << 20
"""Bytes written after which the write-ahead log is moved into the file."""

WAL_BYTES = 64 << 20
"""Size to which a write-ahead log that a long reader let grow is cut back."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Write(Generic[T]):
    """Something to do within the next transaction.

    Attributes:
        apply: Checks first and writes after, so that an error of ours leaves the transaction as it was.
        size: Bytes it writes, roughly.
    """

    def __init__(self, apply: Callable[[Transaction], T], size: int = 0) -> None:
        """Prepare; `SqliteWriter.run` or `submit` does it."""
        self.apply = apply
        self.size = size
        self.result: T | None = None
        self.answered = False
        self._told: Callable[[T | JournalError], None] | None = None

    def then(self, told: Callable[[T | JournalError], None]) -> Write[T]:
        """Call `told` once with the result or the error, on the writer's thread: it must be quick and never raise."""
        self._told = told
        return self

    def answer(self, outcome: T | JournalError) -> None:
        """Tell whoever waits."""
        self.answered = True
        if self._told is not None:
            self._told(outcome)


class SqliteWriter:
    """Runs writes of many callers in groups, on a thread and connection of its own."""

    def __init__(self, path: Path, busy_ms: int) -> None:
        """Write to this file; thread and connection come with the first write."""
        self._path = path
        self._busy_ms = busy_ms
        self._waiting: queue.SimpleQueue[Write[object] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._unindexed: dict[int, int] = {}
        self._written_bytes = 0

    def run(self, write: Write[T]) -> T:
        """Do it; durable when this returns.

        Raises:
            JournalError: What went wrong; but for `UnknownOutcomeError`, nothing was written.
        """
        waiting: Future[T | JournalError] = Future()
        self.submit(write.then(waiting.set_result))
        outcome = waiting.result()
        if isinstance(outcome, JournalError):
            raise outcome
        return outcome

    def submit(self, write: Write[T]) -> None:
        """Do it soon; the write's own `then` is told when it is durable, or why it is not.

        Raises:
            UnavailableError: The writer is closed.
        """
        with self._lock:
            if self._closed:
                raise UnavailableError(f"{self._path} is closed")
            if self._thread is None:
                # A daemon: a program that dies without closing must not hang; nothing unanswered was promised.
                self._thread = threading.Thread(target=self._serve, name="journal-writer", daemon=True)
                self._thread.start()
            self._waiting.put(write)  # type: ignore[arg-type]  # the answer goes back into the same Write

    def close(self) -> None:
        """Do what is waiting, then stop."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._waiting.put(None)
        if thread is not None:
            thread.join()

    def committed(self, shard: int, events: int) -> None:
        """Told by a commit within its transaction: how far the index lags behind."""
        self._unindexed[shard] = self._unindexed.get(shard, 0) + events

    def _serve(self) -> None:
        connection: sqlite3.Connection | None = None
        open_for_more = True
        while open_for_more:
            group, open_for_more = self._next_group()
            try:
                connection = connection or self._connect()
                self._do(connection, group)
                self._upkeep(connection)
            except sqlite3.Error as error:
                self._fail(group, sqlite_file.meaning_of(error, str(self._path)))
            except UnknownOutcomeError as error:
                # A failed fsync leaves a connection whose view of the file is not to be trusted.
                self._fail(group, error)
                if connection is not None:
                    connection.close()
                connection = None
            except Exception as error:  # noqa: BLE001 - the thread outlives a defect; the waiting are told
                # A defect of ours: whoever waits must hear of it, and the next group is a new chance.
                _log.exception("the journal's writer failed")
                self._fail(group, UnknownOutcomeError(f"{self._path}: {type(error).__name__}"))
        if connection is not None:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite_file.connect(self._path, self._busy_ms)
        # Moving the log into the file is `_upkeep`'s, after the answers, not part of somebody's commit.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES:d}")
        lag = "SELECT e.shard, e.head - i.position FROM epochs e JOIN index_progress i USING (shard)"
        self._unindexed = dict(connection.execute(lag))
        return connection

    def _next_group(self) -> tuple[list[Write[object]], bool]:
        """Everything that waits now, at least one unless it is time to stop."""
        group: list[Write[object]] = []
        size = 0
        write = self._waiting.get()
        while write is not None:
            group.append(write)
            size += write.size
            if size >= GROUP_BYTES:
                return group, True
            try:
                write = self._waiting.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _do(self, connection: sqlite3.Connection, group: Sequence[Write[object]]) -> None:
        if not group:
            return
        try:
            done = self._transact(connection, group)
        except (StorageFullError, CorruptError) as error:
            if len(group) == 1:
                self._fail(group, error)
                return
            # Too much together, or one of them meets a damaged place: each alone may still be written.
            for write in group:
                if not write.answered:
                    self._do(connection, [write])
            return
        except UnavailableError as error:
            self._fail(group, error)
            return
        metrics.GROUP_COMMITS.observe(len(done))
        self._written_bytes += sum(write.size for write in done)
        for write in done:
            write.answer(write.result)

    def _transact(self, connection: sqlite3.Connection, group: Sequence[Write[object]]) -> list[Write[object]]:
        """One transaction; the writes that are durable now. Those that our own checks refused are answered."""
        done: list[Write[object]] = []
        committing = False
        try:
            connection.execute("BEGIN IMMEDIATE")
            transaction = Transaction(connection)
            for write in group:
                try:
                    write.result = write.apply(transaction)
                except JournalError as refused:
                    write.answer(refused)
                else:
                    done.append(write)
            transaction.flush()
            committing = True
            self._end(connection, "COMMIT" if done else "ROLLBACK")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.IntegrityError):
                raise sqlite_file.damaged(error, str(self._path)) from error
            raise sqlite_file.meaning_of(error, str(self._path), committing=committing) from error
        return done

    def _end(self, connection: sqlite3.Connection, how: str) -> None:
        connection.execute(how)

    def _fail(self, group: Sequence[Write[object]], error: JournalError) -> None:
        for write in group:
            if not write.answered:
                write.answer(error)

    def _upkeep(self, connection: sqlite3.Connection) -> None:
        """At most one batch for the index and one checkpoint between two groups, so that nobody waits long."""
        shard = max(self._unindexed, key=self._unindexed.__getitem__, default=0)
        try:
            if self._unindexed.get(shard, 0) >= INDEX_EVENTS:
                self._unindexed[shard] = 0
                self._extend_index(connection, shard)
            if self._written_bytes > CHECKPOINT_BYTES:
                _, logged, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                # A reader of old pages keeps some back: try again soon, but not after each group.
                self._written_bytes = 0 if moved == logged else CHECKPOINT_BYTES // 2
        except (sqlite3.Error, JournalError) as error:
            # The log is whole without either, and both come again: a full disk or a busy reader is no reason to stop.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            metrics.UPKEEP_FAILED.inc()
            _log.warning("upkeep of %s failed: %s", self._path, error)

    def _extend_index(self, connection: sqlite3.Connection, shard: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        (head,) = connection.execute("SELECT head FROM epochs WHERE shard = ?", (shard,)).fetchone()
        entity_index.extend(connection, shard, head)
        self._end(connection, "COMMIT")
