"""Reads a shard's log commit by commit, across its buckets, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.errors import CassandraError
from kinelog.journal import metrics
from kinelog.journal.cassandra.buckets import KnownBuckets
from kinelog.journal.cassandra.procedure_runner import ProcedureRunner, as_journal_error
from kinelog.journal.cassandra.procedures import Fence
from kinelog.journal.cassandra.statements import READ_NAMES, READ_ROWS, commit_name, commit_row
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.errors import CorruptError
from kinelog.journal.records import CommitName

FEWEST_ROWS = 16
MOST_ROWS = 512
FETCH_BYTES = 512 << 10

Commit = TypeVar("Commit", CommitRow, CommitName)
Fetch = Callable[[int, int, int, int], list[Commit]]
"""Reads commits of a shard's bucket behind a position, so many at most."""


class LogReader:
    """Thread-safe; blocks."""

    def __init__(self, connection: Connection, fence: Fence, known: Sequence[KnownBuckets]) -> None:
        """Read logs; `known` by shard is shared with whoever else meets their buckets."""
        self._connection = connection
        self._runner = ProcedureRunner(connection)
        self._fence = fence
        self._known = known

    def rows(self, shard: int, after: int, limit: int) -> list[CommitRow]:
        """Commits from the one that holds position `after + 1` on, in log order: `limit`, or all there are.

        Every commit that was acknowledged before the call is among those that there are.

        Raises:
            CorruptError: A position is missing.
            UnavailableError: The cluster does not answer.
        """
        return self._walk(shard, after, limit, self._fetch)

    def names(self, shard: int, after: int, up_to: int) -> list[CommitName]:
        """Commits that the positions `after + 1` to `up_to` stand in, without what is in them.

        Raises:
            CorruptError: A position is missing.
            UnavailableError: The cluster does not answer.
        """
        names: list[CommitName] = []
        limit = FEWEST_ROWS
        while after < up_to and (found := self._walk(shard, after, min(limit, up_to - after), self._fetch_names)):
            names += found
            after = found[-1].last
            limit = min(limit * 2, MOST_ROWS)
        return [name for name in names if name.first <= up_to]

    def _walk(self, shard: int, after: int, limit: int, fetch: Fetch[Commit]) -> list[Commit]:
        rows: list[Commit] = []
        doubted = -1
        while len(rows) < limit:
            wanted = min(limit - len(rows), MOST_ROWS)
            bucket = self._runner.run(self._fence.bucket_of(shard, after + 1, self._known[shard]))
            end = self._known[shard].end_of(bucket)  # None: nothing behind this bucket when we looked, before its rows
            found = fetch(shard, bucket, after, wanted)
            following = _without_holes(found, after)
            rows += following
            after = following[-1].last if following else after
            exhausted = len(found) < wanted
            if len(following) < len(found) or (exhausted and end is not None and after < end):
                # A quorum may answer with a commit and without the one before it while that is being spread; when a
                # commit is there, all before it are on a quorum, so the next look finds them.
                if doubted == after:
                    raise CorruptError(f"shard {shard}", f"position {after + 1} is missing from bucket {bucket}")
                doubted = after
                metrics.HOLES_LOOKED_AT_AGAIN.inc()
            elif exhausted and end is None:
                break
        return rows

    def rows_of_events(self, shard: int, after: int, events: int) -> list[CommitRow]:
        """Commits from the one that holds position `after + 1` on, until they hold so many events.

        A statement can limit rows, not bytes: so the number asked for starts low and is doubled while they are small.

        Raises:
            CorruptError: A position is missing.
            UnavailableError: The cluster does not answer.
        """
        rows: list[CommitRow] = []
        limit = FEWEST_ROWS
        end = after + events
        while after < end:
            wanted = min(limit, end - after)
            found = self.rows(shard, after, wanted)
            rows += found
            after = found[-1].last if found else after
            if len(found) < wanted:
                break
            if sum(len(row.body) for row in found) < FETCH_BYTES:
                limit = min(limit * 2, MOST_ROWS)
        while len(rows) > 1 and rows[-1].first > end:
            rows.pop()
        return rows

    def _fetch(self, shard: int, bucket: int, after: int, limit: int) -> list[CommitRow]:
        try:
            found = self._connection.ask(READ_ROWS, (shard, bucket, after, limit))
        except CassandraError as error:
            raise as_journal_error(error) from error
        return [commit_row(shard, row) for row in found]

    def _fetch_names(self, shard: int, bucket: int, after: int, limit: int) -> list[CommitName]:
        try:
            return [commit_name(row) for row in self._connection.ask(READ_NAMES, (shard, bucket, after, limit))]
        except CassandraError as error:
            raise as_journal_error(error) from error


def _without_holes(rows: list[Commit], after: int) -> list[Commit]:
    """The rows up to the first hole. The first may begin before `after`, which need not lie between two commits."""
    for index, row in enumerate(rows):
        if row.first > after + 1 or (index and row.first != after + 1):
            return rows[:index]
        after = row.last
    return rows
