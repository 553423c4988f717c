"""One write transaction of the log: commits of many shards, each checked by itself, written in two statements."""

from __future__ import annotations

import sqlite3

from kinelog.journal.commit_row import CommitRow
from kinelog.journal.sqlite_file import row_id


class Transaction:
    """What the writes of one group share. Rows wait until `flush`: each statement gives up the interpreter lock."""

    __slots__ = ("_heads", "_rows", "connection")

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Begin nothing; the connection is within a transaction already, which nobody else can write beside."""
        self.connection = connection
        self._heads: dict[int, tuple[int, int]] | None = None
        self._rows: list[CommitRow] = []

    def epoch_and_head(self, shard: int) -> tuple[int, int]:
        """Newest epoch and last position of a shard, rows that wait included."""
        if self._heads is None:
            rows = self.connection.execute("SELECT shard, epoch, head FROM epochs")
            self._heads = {shard: (epoch, head) for shard, epoch, head in rows}
        return self._heads[shard]

    def append(self, row: CommitRow) -> None:
        """Add a commit whose epoch and place were found right."""
        heads = self._heads
        if heads is None:
            message = "a commit is checked before it is appended"
            raise RuntimeError(message)
        self._rows.append(row)
        heads[row.shard] = (row.epoch, row.last)

    def raise_epoch(self, shard: int, owner: str) -> tuple[int, int]:
        """Fence off whoever had the shard; the new epoch, and the head."""
        self.flush()
        self.connection.execute("UPDATE epochs SET epoch = epoch + 1, owner = ? WHERE shard = ?", (owner, shard))
        self._heads = None
        return self.epoch_and_head(shard)

    def flush(self) -> None:
        """Write what waits."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        self.connection.executemany(
            "INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(row_id(r.shard, r.last), r.first, r.epoch, r.commit_id, r.checksum, r.directory, r.body) for r in rows],
        )
        self.connection.executemany(
            "UPDATE epochs SET head = ? WHERE shard = ?", list({r.shard: (r.last, r.shard) for r in rows}.values())
        )
