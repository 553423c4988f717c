"""The table of the fenced log as conditional writes see it: each request happens at once or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field

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

Write = OpenBucket | RaiseEpoch | Append


@dataclass
class BucketPartition:
    """Statics and rows of one bucket."""

    state: BucketState
    owner: str
    rows: dict[int, CommitRow] = field(default_factory=dict)


@dataclass
class FenceTable:
    """All buckets. A write that is late is a write that is applied later: its condition is looked at then."""

    buckets: dict[tuple[int, int], BucketPartition] = field(default_factory=dict)

    def apply(self, request: Request) -> Reply:
        """Do what a request says."""
        match request:
            case ReadBucket():
                partition = self.buckets.get((request.shard, request.bucket))
                return None if partition is None else partition.state
            case ReadRow():
                return self._read_row(request)
            case OpenBucket():
                return self._open(request)
            case RaiseEpoch():
                return self._raise(request)
            case Append():
                return self._append(request)

    def log(self, shard: int = 0) -> list[CommitRow]:
        """Every row, bucket by bucket, in the order of each."""
        return [
            row
            for (_, _), partition in sorted(self.buckets.items())
            for _, row in sorted(partition.rows.items())
            if row.shard == shard
        ]

    def _read_row(self, request: ReadRow) -> RowState | None:
        partition = self.buckets.get((request.shard, request.bucket))
        if partition is not None:
            for last, row in sorted(partition.rows.items()):
                if last >= request.position:
                    return RowState(row.first, row.last, row.epoch, row.commit_id)
        return None

    def _open(self, request: OpenBucket) -> bool:
        key = request.shard, request.bucket
        if key in self.buckets and request.if_absent:
            return False
        state = BucketState(request.epoch, request.start, request.start, 0, 0)
        rows = self.buckets[key].rows if key in self.buckets else {}
        self.buckets[key] = BucketPartition(state, request.owner, rows)
        return True

    def _raise(self, request: RaiseEpoch) -> bool:
        partition = self.buckets.get((request.shard, request.bucket))
        if partition is None or partition.state.epoch != request.expected:
            return False
        state = partition.state
        partition.state = BucketState(request.epoch, state.head, state.start, state.bytes, state.sealed_epoch)
        partition.owner = request.owner
        return True

    def _append(self, request: Append) -> bool:
        partition = self.buckets.get((request.shard, request.bucket))
        if partition is None or partition.state.head != request.row.first - 1:
            return False
        state = partition.state
        if request.expected_epoch is not None and state.epoch != request.expected_epoch:
            return False
        sealed = request.row.epoch if request.seals else state.sealed_epoch
        epoch = request.epoch if request.seals else state.epoch
        partition.state = BucketState(epoch, request.row.last, state.start, request.bytes, sealed)
        partition.rows[request.row.last] = request.row
        return True
