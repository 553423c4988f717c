"""What a procedure of the fenced log asks of the table, and what it is answered. One request is one statement."""

from __future__ import annotations

import msgspec
from kinelog.journal.commit_row import CommitRow

SEALED = -1
"""The epoch of a bucket that is full: no condition on an epoch that anybody was ever given holds there."""

ROW_OVERHEAD_BYTES = 128
"""What a row takes beside directory and body: key, commit id, checksum, the cells' own headers."""


class BucketState(msgspec.Struct, frozen=True):
    """The static columns of a bucket.

    Attributes:
        epoch: Whose commits it takes; `SEALED` if nobody's any more.
        head: Last position of the log as far as this bucket knows.
        start: Head when the bucket was opened: its rows lie behind it. Never changes.
        bytes: About how much was written to it.
        sealed_epoch: Epoch of the commit that filled it; 0 before.
    """

    epoch: int
    head: int
    start: int
    bytes: int
    sealed_epoch: int

    @property
    def sealed(self) -> bool:
        """Whether the log goes on in the next bucket."""
        return self.epoch == SEALED

    @property
    def newest_epoch(self) -> int:
        """The newest epoch that anybody was given, if no later bucket exists."""
        return self.sealed_epoch if self.sealed else self.epoch


class RowState(msgspec.Struct, frozen=True):
    """What tells a commit's row from another."""

    first: int
    last: int
    epoch: int
    commit_id: bytes


class ReadBucket(msgspec.Struct, frozen=True):
    """Read the state of a bucket; answered `BucketState`, or None if there is no such bucket.

    `linearizable` finishes what is in progress there first; without it, what was acknowledged is seen all the same.
    """

    shard: int
    bucket: int
    linearizable: bool


class OpenBucket(msgspec.Struct, frozen=True):
    """Make a bucket; answered whether it was made. `if_absent` is only ever False in a simulation."""

    shard: int
    bucket: int
    epoch: int
    start: int
    owner: str
    if_absent: bool = True


class RaiseEpoch(msgspec.Struct, frozen=True):
    """Set the epoch if it still is `expected`; answered whether it was."""

    shard: int
    bucket: int
    expected: int
    epoch: int
    owner: str


class Append(msgspec.Struct, frozen=True):
    """Store a commit's row, move the head, and perhaps seal; answered whether epoch and head were as expected.

    Attributes:
        bucket: Where.
        row: The commit. The head must be `row.first - 1` and becomes `row.last`.
        bytes: What the bucket will have taken then.
        seals: Whether this commit is the bucket's last.
        expected_epoch: The epoch that the bucket must have; None, in a simulation, for any.
        epoch: The epoch that the bucket gets: the commit's own, or `SEALED`.
    """

    bucket: int
    row: CommitRow
    bytes: int
    seals: bool
    expected_epoch: int | None
    epoch: int

    @property
    def shard(self) -> int:
        """The shard."""
        return self.row.shard


class ReadRow(msgspec.Struct, frozen=True):
    """Read, linearizably, which commit holds a position; answered `RowState`, or None if the bucket ends before it."""

    shard: int
    bucket: int
    position: int


Request = ReadBucket | OpenBucket | RaiseEpoch | Append | ReadRow
Reply = BucketState | RowState | bool | None


def size_of(row: CommitRow) -> int:
    """About how many bytes a commit's row takes."""
    return len(row.body) + len(row.directory) + ROW_OVERHEAD_BYTES
