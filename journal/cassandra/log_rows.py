"""Reading a shard's log commit by commit: what the index of entities needs of whoever knows the buckets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from kinelog.journal.commit_row import CommitRow
from kinelog.journal.errors import CorruptError

FEWEST_ROWS = 32
MOST_ROWS = 512
BATCH_BYTES = 512 << 10


class LogRows(Protocol):
    """The commits of a log. Thread-safe; blocks."""

    def rows(self, shard: int, after: int, limit: int) -> list[CommitRow]:
        """Commits from the one that holds position `after + 1` on, in log order, as many as `limit` or all there are.

        Every commit that was acknowledged before the call is among them.
        """


def batches(log: LogRows, shard: int, after: int) -> Iterator[list[CommitRow]]:
    """The commits behind a position, some at a time, until there are none.

    A statement can limit rows, not bytes, and a commit has a hundred bytes or a million: so the number asked for starts
    low and is doubled as long as they are small.

    Raises:
        CorruptError: The log has a hole.
    """
    limit = FEWEST_ROWS
    while True:
        rows = log.rows(shard, after, limit)
        for row in rows:
            # The first may reach back before `after`, where that is no border between two commits.
            if row.first > after + 1 or row.last <= after:
                raise CorruptError(row.where, f"follows position {after}")
            after = row.last
        yield rows
        if len(rows) < limit:
            return
        if sum(len(row.body) for row in rows) < BATCH_BYTES:
            limit = min(limit * 2, MOST_ROWS)
