"""Where an entity's events are: an index that lags behind the log, and the log's tail that it does not cover yet.

A row of the index for each event inside the commit would touch a page per event, ten times the bytes of the event
itself. So the index is derived: the writer moves a few thousand runs at a time, sorted by entity, and a reader looks
at the index up to `index_progress` and at the directories of the commits behind it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator

from kinelog.journal.commit_row import Run, runs_of
from kinelog.journal.sqlite_file import POSITION_MASK, row_id

_log = logging.getLogger(__name__)

Located = tuple[int, Run]
"""Key of the commit's row, and the run in it."""

_DIRECTORIES = "SELECT id, directory FROM commits WHERE id > ? AND id <= ? ORDER BY id"


def indexed_up_to(connection: sqlite3.Connection, shard: int) -> int:
    """Position up to which the index covers a shard's log."""
    (position,) = connection.execute("SELECT position FROM index_progress WHERE shard = ?", (shard,)).fetchone()
    return int(position)


def located_runs(connection: sqlite3.Connection, shard: int, after: int, up_to: int) -> Iterator[Located]:
    """The runs of the commits in `after < position ≤ up_to`, in log order."""
    rows = connection.execute(_DIRECTORIES, (row_id(shard, after), row_id(shard, up_to)))
    for row, directory in rows:
        for run in runs_of(directory, f"shard {shard}, commit up to {row & POSITION_MASK}"):
            yield row, run


def extend(connection: sqlite3.Connection, shard: int, up_to: int) -> None:
    """Move the runs up to a position into the index; the caller holds a write transaction."""
    fresh = list(located_runs(connection, shard, indexed_up_to(connection, shard), up_to))
    names = sorted({run.entity for _, run in fresh})
    connection.executemany("INSERT OR IGNORE INTO entities (entity) VALUES (?)", ((name,) for name in names))
    numbers = {
        name: connection.execute("SELECT id FROM entities WHERE entity = ?", (name,)).fetchone()[0] for name in names
    }
    added = connection.executemany(
        # Two runs of one place are a defect of who wrote them. Refusing the second here would only stop the index.
        "INSERT OR IGNORE INTO entity_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        sorted(
            (numbers[run.entity], run.last_sequence, run.count, run.position, row, run.start, run.length, run.crc)
            for row, run in fresh
        ),
    )
    if added.rowcount < len(fresh):
        lost = len(fresh) - added.rowcount
        _log.error("shard %d: %d runs stand in a taken place; see `kinelog journal verify`", shard, lost)
    connection.execute("UPDATE index_progress SET position = ? WHERE shard = ?", (up_to, shard))


class LogTail:
    """The runs behind the index of one shard, kept in memory and read on as the log grows. Thread-safe."""

    def __init__(self, shard: int) -> None:
        """Start with nothing read."""
        self._shard = shard
        self._lock = threading.Lock()
        self._runs: dict[str, list[Located]] = {}
        self._from = 0
        self._up_to = 0

    def runs(self, connection: sqlite3.Connection, entity: str, after_sequence: int) -> list[Located]:
        """The entity's runs behind the index and behind a sequence number, in order.

        `connection` is in the read transaction in which the caller reads the index, else a batch that moves into the
        index between the two reads would be missed or seen twice.
        """
        indexed = indexed_up_to(connection, self._shard)
        (head,) = connection.execute("SELECT head FROM epochs WHERE shard = ?", (self._shard,)).fetchone()
        with self._lock:
            if indexed < self._from:
                # This reader's view of the file is older than what another one has let go of since.
                known = [
                    located
                    for located in located_runs(connection, self._shard, indexed, head)
                    if located[1].entity == entity
                ]
            else:
                self._read_on(connection, indexed, head)
                known = self._runs.get(entity, [])
            # Runs beyond the head are of commits that this reader cannot see yet.
            return [
                (row, run)
                for row, run in known
                if indexed < run.position <= head and run.last_sequence > after_sequence
            ]

    def _read_on(self, connection: sqlite3.Connection, indexed: int, head: int) -> None:
        if indexed > self._from:
            self._forget_up_to(indexed)
        if head > self._up_to:
            for located in located_runs(connection, self._shard, self._up_to, head):
                self._runs.setdefault(located[1].entity, []).append(located)
            self._up_to = head

    def _forget_up_to(self, indexed: int) -> None:
        self._runs = {
            entity: left
            for entity, runs in self._runs.items()
            if (left := [located for located in runs if located[1].position > indexed])
        }
        self._from, self._up_to = indexed, max(self._up_to, indexed)
