"""The log in Cassandra under inspection: rows and static columns of every bucket, read as they lie.

The static columns are what fences the log, so they are looked at as closely as the rows. Written by anything but a
conditional statement they may carry a time that lies ahead, and then hide what commits write until it has come.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.journal.cassandra.index_inspection import IndexInspection
from kinelog.journal.cassandra.log_identity import LogIdentity
from kinelog.journal.cassandra.requests import SEALED
from kinelog.journal.cassandra.statements import READ_ROWS, commit_row
from kinelog.journal.cassandra.store_errors import as_journal_errors
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.inspection import Finding, InspectedLog, InspectedRow, Newest
from typing_extensions import override

FEWEST_ROWS = 16
MOST_ROWS = 512
FETCH_BYTES = 2 << 20
AHEAD_US = 1_000_000
"""How far the clocks of nodes may be apart before a time counts as lying ahead."""

_BUCKET = Statement(
    "SELECT DISTINCT epoch, head, start, sealed_epoch, "
    "writetime(epoch), writetime(head), writetime(start), writetime(sealed_epoch) "
    "FROM {log}.log WHERE shard = ? AND bucket = ?",
    Access.LINEARIZABLE_READ,
)
_LAST_ROW = Statement(
    "SELECT last FROM {log}.log WHERE shard = ? AND bucket = ? ORDER BY last DESC LIMIT 1", Access.LINEARIZABLE_READ
)
_BUCKETS = Statement("SELECT DISTINCT shard, bucket FROM {log}.log", Access.READ)
_CLOCK = Statement("SELECT toUnixTimestamp(now()) FROM system.local", Access.READ)
_BEFORE_ALL = -(1 << 63)


class _Bucket(NamedTuple):
    """The static columns of a bucket, and the newest time that any of them carries."""

    epoch: int | None
    head: int
    start: int
    sealed_epoch: int
    written_us: int

    @property
    def sealed(self) -> bool:
        return self.epoch == SEALED

    @property
    def newest_epoch(self) -> int:
        return self.sealed_epoch if self.sealed else self.epoch or 0


class CassandraInspection(InspectedLog):
    """The tables of one deployment. The connection stays its owner's."""

    def __init__(self, connection: Connection, identity: LogIdentity) -> None:
        """Inspect a log that is there."""
        self.shards = identity.shards
        self.incarnation = identity.incarnation
        self._connection = connection
        self._index = IndexInspection(connection, identity)
        self._buckets: dict[int, list[_Bucket]] = {}
        self._row_epochs: dict[tuple[int, int], tuple[int, int]] = {}

    @override
    def newest(self, shard: int) -> Newest | None:
        buckets = self._walk(shard)
        self._buckets[shard] = buckets
        if not buckets:
            return Newest(0, 0)  # nobody has acquired it yet
        known = [bucket for bucket in buckets if bucket.epoch is not None]
        return Newest(known[-1].newest_epoch, known[-1].head) if known else None

    @override
    def rows(self, shard: int, head: int) -> Iterator[InspectedRow]:
        expected = 1
        if not self._buckets[shard]:
            return
        index = self._index.of(shard)
        for bucket in range(len(self._buckets[shard])):
            for row in self._rows_of(shard, bucket, expected):
                if row.last > head:
                    break  # committed since; whether it may be there is asked afterwards
                expected = max(expected, row.last + 1)
                newest = self._row_epochs.get((shard, bucket), (0, 0))
                self._row_epochs[shard, bucket] = max(newest, (row.epoch, row.first))
                index.add(row)
                yield InspectedRow(row, f"bucket {bucket}")

    @override
    def places(self, shard: int) -> Iterator[Finding]:
        ends = [self._last_row(shard, bucket) for bucket in range(len(self._buckets[shard]))]
        buckets = self._walk(shard)
        if not buckets:
            return
        now_us = self._now_us()
        for number, bucket in enumerate(buckets):
            before = buckets[number - 1] if number else None
            if bucket.epoch is None:
                yield Finding("bucket", shard, ends[number] or 0, f"bucket {number} has no epoch")
                continue
            yield from self._chained(shard, number, bucket, before, newest=number == len(buckets) - 1)
            if number < len(ends):
                yield from self._ended(shard, number, bucket, ends[number])
            if bucket.written_us > now_us + AHEAD_US:
                ahead = (bucket.written_us - now_us) / 1_000_000
                yield Finding(
                    "clock",
                    shard,
                    bucket.head,
                    f"epoch or head of bucket {number} was written {ahead:.1f} s ahead of the clock, so not by a "
                    "condition, or a node's clock is wrong: what is committed until then stays hidden",
                )
        yield from self._index.of(shard).findings()

    @override
    def whole(self) -> Iterator[Finding]:
        with as_journal_errors():
            rows = cast("list[tuple[int, int]]", self._connection.ask(_BUCKETS))
        for shard, bucket in sorted(rows):
            if shard not in self._buckets:
                yield Finding("bucket", shard, 0, f"there is a bucket {bucket} of a shard that the log does not have")
            elif bucket >= len(self._walk(shard)):
                yield Finding("bucket", shard, 0, f"bucket {bucket} lies behind a number that is missing")
        yield from self._index.strangers()

    @override
    def close(self) -> None:
        """Nothing is held open."""
        self._index.close()

    def _walk(self, shard: int) -> list[_Bucket]:
        buckets: list[_Bucket] = []
        while (bucket := self._bucket(shard, len(buckets))) is not None:
            buckets.append(bucket)
        return buckets

    def _bucket(self, shard: int, bucket: int) -> _Bucket | None:
        with as_journal_errors():
            rows = self._connection.ask(_BUCKET, (shard, bucket))
        if not rows:
            return None
        epoch, head, start, sealed_epoch, *times = cast("tuple[int | None, ...]", rows[0])
        return _Bucket(epoch, head or 0, start or 0, sealed_epoch or 0, max(time or 0 for time in times))

    def _rows_of(self, shard: int, bucket: int, expected: int) -> Iterator[CommitRow]:
        after, limit, doubted = _BEFORE_ALL, FEWEST_ROWS, -1
        while True:
            with as_journal_errors():
                found = self._connection.ask(READ_ROWS, (shard, bucket, after, limit))
            rows = [_whole(commit_row(shard, row)) for row in found]
            for row in rows:
                if row.first > expected and doubted != expected:
                    # A quorum may answer with a commit and without the one before it while that is being spread.
                    doubted = expected
                    break
                expected = max(expected, row.last + 1)
                after = row.last
                yield row
            else:
                if len(rows) < limit:
                    return
                if sum(len(row.body) for row in rows) < FETCH_BYTES:
                    limit = min(limit * 2, MOST_ROWS)

    def _last_row(self, shard: int, bucket: int) -> int | None:
        with as_journal_errors():
            rows = cast("list[tuple[int | None]]", self._connection.ask(_LAST_ROW, (shard, bucket)))
        return rows[0][0] if rows else None

    def _chained(
        self, shard: int, number: int, bucket: _Bucket, before: _Bucket | None, *, newest: bool
    ) -> Iterator[Finding]:
        """The log goes on in the next bucket where this one was sealed, and only then."""
        begins = 0 if before is None else before.head
        if bucket.start != begins:
            yield Finding("bucket", shard, bucket.start, f"bucket {number} begins behind {bucket.start}, not {begins}")
        if not bucket.sealed and not newest:
            detail = f"bucket {number} takes commits of epoch {bucket.epoch} although bucket {number + 1} exists"
            yield Finding("bucket", shard, bucket.head, detail)
        if bucket.sealed and not bucket.sealed_epoch:
            yield Finding("bucket", shard, bucket.head, f"bucket {number} is sealed by no epoch")
        if before is not None and bucket.newest_epoch < before.newest_epoch:
            detail = f"bucket {number} has epoch {bucket.newest_epoch} behind one of epoch {before.newest_epoch}"
            yield Finding("epoch", shard, bucket.start, detail)
        epoch, position = self._row_epochs.get((shard, number), (0, 0))
        if epoch > bucket.newest_epoch:
            detail = f"written under epoch {epoch}, the newest of bucket {number} is {bucket.newest_epoch}"
            yield Finding("epoch", shard, position, detail)

    def _ended(self, shard: int, number: int, bucket: _Bucket, before: int | None) -> Iterator[Finding]:
        """A row and the head are written in one statement; `before` is the last row as seen before the head."""
        if before is not None and before > bucket.head:
            detail = f"a commit that ends at {before} lies in bucket {number} behind its head, {bucket.head}"
            yield Finding("head", shard, bucket.head, detail)
        after = self._last_row(shard, number)
        end = bucket.start if after is None else after
        if end < bucket.head:
            yield Finding("head", shard, end, f"bucket {number} ends here, its head is {bucket.head}")

    def _now_us(self) -> int:
        with as_journal_errors():
            ((now_ms,),) = cast("list[tuple[int]]", self._connection.ask(_CLOCK))
        return now_ms * 1_000


def _whole(row: CommitRow) -> CommitRow:
    """The row with something in the place of columns that it lacks, which no commit does: its checksum cannot hold."""
    return CommitRow(
        row.shard,
        row.first or 0,
        row.last,
        row.epoch or 0,
        row.commit_id or b"",
        row.checksum or b"",
        row.directory or b"",
        row.body or b"",
    )
