"""Requests of the fenced log as statements, and what the cluster answers as replies."""

from __future__ import annotations

from typing import cast

from kinelog.cassandra_session.connection import Access, Conditional, Row, Statement, Value
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

TABLE = """CREATE TABLE IF NOT EXISTS {log}.log (
    shard int, bucket int, last bigint,
    epoch bigint STATIC, head bigint STATIC, start bigint STATIC, bytes bigint STATIC, sealed_epoch bigint STATIC,
    owner text STATIC, first bigint, row_epoch bigint, commit_id blob, checksum blob, directory blob, body blob,
    PRIMARY KEY ((shard, bucket), last)
)"""

_STATE = "SELECT epoch, head, start, bytes, sealed_epoch FROM {log}.log WHERE shard = ? AND bucket = ? LIMIT 1"
_READ = Statement(_STATE, Access.READ)
_READ_LINEARIZABLE = Statement(_STATE, Access.LINEARIZABLE_READ)
_ROW = Statement(
    "SELECT first, last, row_epoch, commit_id FROM {log}.log WHERE shard = ? AND bucket = ? AND last >= ? LIMIT 1",
    Access.LINEARIZABLE_READ,
)
_INSERT = "INSERT INTO {log}.log (shard, bucket, epoch, head, start, bytes, sealed_epoch, owner) VALUES (?, ?, ?, ?, ?, 0, 0, ?)"
_OPEN = Statement(_INSERT + " IF NOT EXISTS", Access.CONDITIONAL)
_OVERWRITE = Statement(_INSERT, Access.WRITE)
_RAISE = Statement(
    "UPDATE {log}.log SET epoch = ?, owner = ? WHERE shard = ? AND bucket = ? IF epoch = ?", Access.CONDITIONAL
)
_COMMIT = (
    "UPDATE {log}.log SET epoch = ?, head = ?, bytes = ?, sealed_epoch = ?, first = ?, row_epoch = ?, commit_id = ?,"
    " checksum = ?, directory = ?, body = ? WHERE shard = ? AND bucket = ? AND last = ? IF head = ?"
)
_APPEND = Statement(_COMMIT + " AND epoch = ?", Access.CONDITIONAL)
_APPEND_ANYHOW = Statement(_COMMIT, Access.CONDITIONAL)


def statement_of(request: Request) -> tuple[Statement, tuple[Value, ...]]:
    """What is sent for a request. The statements without a condition on the epoch are the simulation's own."""
    match request:
        case ReadBucket():
            return _READ_LINEARIZABLE if request.linearizable else _READ, (request.shard, request.bucket)
        case ReadRow():
            return _ROW, (request.shard, request.bucket, request.position)
        case OpenBucket():
            values = (request.shard, request.bucket, request.epoch, request.start, request.start, request.owner)
            return _OPEN if request.if_absent else _OVERWRITE, values
        case RaiseEpoch():
            return _RAISE, (request.epoch, request.owner, request.shard, request.bucket, request.expected)
        case Append():
            row = request.row
            sealed_epoch = row.epoch if request.seals else 0
            values = (
                request.epoch, row.last, request.bytes, sealed_epoch, row.first, row.epoch, row.commit_id, row.checksum,
                row.directory, row.body, request.shard, request.bucket, row.last, row.first - 1,
            )  # fmt: skip
            if request.expected_epoch is None:
                return _APPEND_ANYHOW, values
            return _APPEND, (*values, request.expected_epoch)


def reply_of(request: Request, answer: Conditional | list[Row]) -> Reply:
    """What a procedure is sent for what the cluster answered."""
    if isinstance(answer, Conditional):
        return answer.applied
    if isinstance(request, OpenBucket):
        return True
    if not answer or answer[0][0] is None:
        return None
    if isinstance(request, ReadRow):
        first, last, epoch, commit_id = cast("tuple[int, int, int, bytes]", answer[0])
        return RowState(first, last, epoch, commit_id)
    return BucketState(*cast("tuple[int, int, int, int, int]", answer[0]))
