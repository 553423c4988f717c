"""The statements of the fenced log. Its table is written by conditional statements only, and never deleted from.

An ordinary write would be ordered by the clock of whoever sends it: a condition does not hold it back, and with a clock
that is ahead it hides what commits write for as long.
"""

from __future__ import annotations

from typing import assert_never, cast

from kinelog.cassandra_session.connection import Access, Row, Statement, Value
from kinelog.journal.cassandra.requests import (
    Append,
    BucketState,
    OpenBucket,
    RaiseEpoch,
    ReadBucket,
    ReadRow,
    Reply,
    Request,
    RowState,
)
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.records import CommitName

READ_BUCKET = Statement(
    "SELECT DISTINCT shard, bucket, epoch, head, start, bytes, sealed_epoch FROM {log}.log "
    "WHERE shard = ? AND bucket = ?",
    Access.READ,
)
READ_BUCKET_LINEARIZABLE = Statement(READ_BUCKET.cql, Access.LINEARIZABLE_READ)
OPEN_BUCKET = Statement(
    "INSERT INTO {log}.log (shard, bucket, epoch, head, start, bytes, sealed_epoch, owner) "
    "VALUES (?, ?, ?, ?, ?, 0, 0, ?) IF NOT EXISTS",
    Access.CONDITIONAL,
)
RAISE_EPOCH = Statement(
    "UPDATE {log}.log SET epoch = ?, owner = ? WHERE shard = ? AND bucket = ? IF epoch = ?",
    Access.CONDITIONAL,
)
APPEND = Statement(
    "UPDATE {log}.log SET head = ?, bytes = ?, first = ?, row_epoch = ?, commit_id = ?, checksum = ?, directory = ?, "
    "body = ? WHERE shard = ? AND bucket = ? AND last = ? IF epoch = ? AND head = ?",
    Access.CONDITIONAL,
)
APPEND_AND_SEAL = Statement(
    "UPDATE {log}.log SET epoch = ?, sealed_epoch = ?, head = ?, bytes = ?, first = ?, row_epoch = ?, commit_id = ?, "
    "checksum = ?, directory = ?, body = ? WHERE shard = ? AND bucket = ? AND last = ? IF epoch = ? AND head = ?",
    Access.CONDITIONAL,
)
READ_ROW = Statement(
    "SELECT first, last, row_epoch, commit_id FROM {log}.log WHERE shard = ? AND bucket = ? AND last >= ? LIMIT 1",
    Access.LINEARIZABLE_READ,
)
READ_ROWS = Statement(
    "SELECT first, last, row_epoch, commit_id, checksum, directory, body FROM {log}.log "
    "WHERE shard = ? AND bucket = ? AND last > ? LIMIT ?",
    Access.READ,
)
READ_NAMES = Statement(
    "SELECT first, last, row_epoch, commit_id FROM {log}.log WHERE shard = ? AND bucket = ? AND last > ? LIMIT ?",
    Access.READ,
)

Bound = tuple[Statement, tuple[Value, ...]]


def bound(request: Request) -> Bound:
    """The statement of a request, with its values."""
    match request:
        case ReadBucket(shard, bucket, linearizable):
            return (READ_BUCKET_LINEARIZABLE if linearizable else READ_BUCKET), (shard, bucket)
        case OpenBucket(shard, bucket, epoch, start, owner):
            return OPEN_BUCKET, (shard, bucket, epoch, start, start, owner)
        case RaiseEpoch(shard, bucket, expected, epoch, owner):
            return RAISE_EPOCH, (epoch, owner, shard, bucket, expected)
        case Append():
            return _append(request)
        case ReadRow(shard, bucket, position):
            return READ_ROW, (shard, bucket, position)
        case _:
            assert_never(request)


def reply_of_read(request: ReadBucket | ReadRow, rows: list[Row]) -> Reply:
    """What a read's rows answer."""
    if not rows:
        return None
    if isinstance(request, ReadRow):
        return RowState(*cast("tuple[int, int, int, bytes]", rows[0]))
    return BucketState(*cast("tuple[int, int, int, int, int]", rows[0][2:]))


def commit_row(shard: int, row: Row) -> CommitRow:
    """A row of `READ_ROWS`."""
    return CommitRow(shard, *cast("tuple[int, int, int, bytes, bytes, bytes, bytes]", row))


def commit_name(row: Row) -> CommitName:
    """A row of `READ_NAMES`."""
    return CommitName(*cast("tuple[int, int, int, bytes]", row))


def _append(append: Append) -> Bound:
    row = append.row
    columns = (row.last, append.bytes, row.first, row.epoch, row.commit_id, row.checksum, row.directory, row.body)
    at_head = (row.shard, append.bucket, row.last, append.expected_epoch, row.first - 1)
    if append.seals:
        return APPEND_AND_SEAL, (append.epoch, row.epoch, *columns, *at_head)
    return APPEND, (*columns, *at_head)
