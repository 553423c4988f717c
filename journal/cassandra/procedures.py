"""The fence of a shard's log, without I/O: generators that ask for one statement at a time and are sent its answer.

A shard's log lies in buckets 0, 1, 2 …, a partition each. Only the newest takes commits, and only those of its epoch:

1. A commit is one conditional write in the bucket it goes to: `IF epoch = mine AND head = as I know it`.
2. The commit that fills a bucket sets the bucket's epoch to `SEALED` in the same write. From then on no condition on an
   epoch holds there, whoever sends it and however late it arrives; the bucket's head is final.
3. Bucket b+1 is made where there is none, once b is known to be sealed, with b's head as its start: by b's last owner
   under its own epoch, before its next commit, or by an acquirer under the next one. Either finds what the other made.
   A late attempt finds that the bucket exists, since buckets are never deleted.
4. An acquirer raises the epoch of the newest bucket if it is what it saw. If that bucket was sealed meanwhile this
   fails, and it walks on. Each epoch is above all before it: the newest bucket holds the newest epoch, and who opens
   the next one starts from the epoch that sealed.
5. Whatever is not known to have happened is thrown in as `UnknownWriteError` and ends the procedure. Nothing is read
   back and believed: a write that is still on its way may land after the look.

So all conditions of writes that are still on their way name an epoch that is not the newest any more as soon as anybody
acquires, and nothing but a commit of the newest epoch at the head can be applied.

`UnreachableError` (the statement was not sent, or a read failed) is not caught here: nothing was written.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar, cast

import msgspec
from kinelog.cassandra_session.errors import UnknownWriteError
from kinelog.journal.cassandra.buckets import KnownBuckets
from kinelog.journal.cassandra.fence_rules import ALL_RULES, FenceRules
from kinelog.journal.cassandra.requests import (
    SEALED,
    Append,
    BucketState,
    OpenBucket,
    RaiseEpoch,
    ReadBucket,
    ReadRow,
    Reply,
    Request,
    RowState,
    size_of,
)
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.errors import CorruptError, FencedError, UnavailableError, UnknownOutcomeError
from kinelog.journal.records import Acquired, Outcome

BUCKET_BYTES = 32 << 20
"""A partition of this size is read, repaired and compacted without trouble; a shard fills some hundreds in a year."""

ATTEMPTS = 100
"""Others that may acquire or seal between our look and our write before an acquisition is given up for now."""

T = TypeVar("T")
Steps = Generator[Request, Reply, T]
"""A procedure: yields requests, is sent replies, has errors of the cluster thrown in, returns or raises."""


class Place(msgspec.Struct, frozen=True):
    """Where the next commit of an owner goes. Only what is known for certain: forgotten after every error.

    Attributes:
        epoch: The owner's.
        bucket: The newest bucket.
        state: Of that bucket.
    """

    epoch: int
    bucket: int
    state: BucketState


class Granted(msgspec.Struct, frozen=True):
    """An acquisition, and where its first commit goes (None: somebody has taken the shard again meanwhile)."""

    acquired: Acquired
    place: Place | None


class Appended(msgspec.Struct, frozen=True):
    """A commit was applied; where the next one goes, and whether it had to open a bucket."""

    last: int
    place: Place
    opened: bool


class Fence:
    """The procedures. `known` is what the process has seen of the shard's buckets: a hint where to look first."""

    def __init__(self, bucket_bytes: int = BUCKET_BYTES, rules: FenceRules = ALL_RULES) -> None:
        """Fill buckets up to about `bucket_bytes`."""
        self._bucket_bytes = bucket_bytes
        self._rules = rules

    # ── owners ───────────────────────────────────────────────────────────────────────────────────────────────────

    def acquire(self, shard: int, owner: str, known: KnownBuckets, step: int = 1) -> Steps[Granted]:
        """Take the next epoch (`step` above the newest: a restored log lifts its epochs).

        Raises:
            UnknownOutcomeError: Acquire again: two acquirers that both time out may read back the same epoch.
            UnavailableError: Others kept taking the shard.
        """
        for _ in range(ATTEMPTS):
            bucket, state = yield from self._newest(shard, known)
            write: OpenBucket | RaiseEpoch
            if state is None or state.sealed:
                epoch, head = (step, 0) if state is None else (state.sealed_epoch + step, state.head)
                bucket = 0 if state is None else bucket + 1
                opened = BucketState(epoch, head, head, 0, 0)
                write = OpenBucket(shard, bucket, epoch, head, owner, self._rules.open_if_absent)
            else:
                epoch, opened = state.epoch + step, None
                write = RaiseEpoch(shard, bucket, state.epoch, epoch, owner)
            if (yield from self._taken(write)):
                return (yield from self._granted(shard, bucket, epoch, opened or state, known))
        raise UnavailableError(f"shard {shard}: others kept acquiring it")

    def commit(self, row: CommitRow, place: Place | None, owner: str, known: KnownBuckets) -> Steps[Appended]:
        """Append a commit.

        Args:
            row: The commit; its epoch is the owner's, and the head must be `row.first - 1`.
            place: What the owner's last success returned; None to look it up, as an owner does that forgot it.
            owner: Who opens the next bucket, if one must be opened.
            known: See the class.

        Raises:
            FencedError: A newer epoch exists, or the head is elsewhere. Nothing was written.
            UnknownOutcomeError: It may have been applied, or may yet be.
        """
        if place is None or place.epoch != row.epoch or place.state.head != row.first - 1:
            place = yield from self._place_of(row, known)
        opens = place.state.sealed
        if opens:
            place = yield from self._next_bucket(row, place, owner, known)
        state = place.state
        size = state.bytes + size_of(row)
        seals = size >= self._bucket_bytes
        if seals and not self._rules.open_after_known_seal:
            yield from self._written(OpenBucket(row.shard, place.bucket + 1, row.epoch, row.last, owner))
        epoch = SEALED if seals and self._rules.seal_takes_the_epoch else row.epoch
        expected = row.epoch if self._rules.epoch_in_every_bucket or place.bucket == 0 else None
        if not (yield from self._written(Append(place.bucket, row, size, seals, expected, epoch))):
            yield from self._require_there(row, place)
        sealed_epoch = row.epoch if seals else 0
        after = BucketState(SEALED if seals else row.epoch, row.last, state.start, size, sealed_epoch)
        return Appended(row.last, Place(row.epoch, place.bucket, after), opens)

    def outcome(self, shard: int, epoch: int, after: int, commit_id: bytes, known: KnownBuckets) -> Steps[Outcome]:
        """Judge a commit of an older epoch: final, since nobody can commit under that epoch any more."""
        bucket = yield from self.bucket_of(shard, after + 1, known, linearizable=True)
        row = cast("RowState | None", (yield ReadRow(shard, bucket, after + 1)))
        if row is None:
            return Outcome(applied=False)
        ours = row.first == after + 1 and row.epoch == epoch and row.commit_id == commit_id
        if ours or not self._rules.judge_by_commit_id:
            return Outcome(applied=True, first=row.first, last=row.last)
        return Outcome(applied=False)

    def owns(self, shard: int, epoch: int, known: KnownBuckets) -> Steps[bool]:
        """Whether an epoch is the newest."""
        _, state = yield from self._newest(shard, known)
        return state is not None and state.newest_epoch == epoch

    # ── readers ──────────────────────────────────────────────────────────────────────────────────────────────────

    def head(self, shard: int, known: KnownBuckets) -> Steps[int]:
        """Position of the last commit that anybody was told of."""
        _, state = yield from self._newest(shard, known)
        return 0 if state is None else state.head

    def bucket_of(self, shard: int, position: int, known: KnownBuckets, *, linearizable: bool = False) -> Steps[int]:
        """The bucket that holds a position, or will: the last that begins before it."""
        low, high = known.around(position)
        reach = 1
        while high is None or high - low > 1:
            # Doubling until a bucket begins at or behind the position or does not exist, then halving.
            middle = low + reach if high is None else (low + high) // 2
            state = yield from self._look(shard, middle, known, linearizable=linearizable)
            if state is None or state.start >= position:
                high = middle
            else:
                low, reach = middle, reach * 2
        return low

    def _newest(self, shard: int, known: KnownBuckets) -> Steps[tuple[int, BucketState | None]]:
        """The newest bucket as a linearizable read sees it; its state is None only for a shard without buckets."""
        bucket = known.newest
        state = yield from self._look(shard, bucket, known, linearizable=True)
        if state is None and bucket:
            raise CorruptError(f"shard {shard}", f"bucket {bucket} existed and does not any more")
        while state is not None and state.sealed:
            following = yield from self._look(shard, bucket + 1, known, linearizable=True)
            if following is None:
                break
            bucket, state = bucket + 1, following
            if state.sealed:
                # Far behind: jump, by reads that may miss the newest bucket but see no bucket that does not exist.
                reach = 1
                while (yield from self._look(shard, bucket + reach, known, linearizable=False)) is not None:
                    bucket, reach = bucket + reach, reach * 2
                while reach > 1:
                    reach //= 2
                    if (yield from self._look(shard, bucket + reach, known, linearizable=False)) is not None:
                        bucket += reach
                state = yield from self._look(shard, bucket, known, linearizable=True)
        return bucket, state

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self, shard: int, bucket: int, known: KnownBuckets, *, linearizable: bool) -> Steps[BucketState | None]:
        state = cast("BucketState | None", (yield ReadBucket(shard, bucket, linearizable)))
        if state is not None:
            known.add(bucket, state.start)
        return state

    def _written(self, write: OpenBucket | RaiseEpoch | Append) -> Steps[bool]:
        try:
            return cast("bool", (yield write))
        except UnknownWriteError as error:
            raise UnknownOutcomeError(f"shard {write.shard}, bucket {write.bucket}: {error}") from error

    def _taken(self, write: OpenBucket | RaiseEpoch) -> Steps[bool]:
        if self._rules.raise_again:
            return (yield from self._written(write))
        try:
            return cast("bool", (yield write))
        except UnknownWriteError:
            state = cast("BucketState | None", (yield ReadBucket(write.shard, write.bucket, linearizable=True)))
            return state is not None and state.epoch == write.epoch

    def _granted(
        self, shard: int, bucket: int, epoch: int, seen: BucketState | None, known: KnownBuckets
    ) -> Steps[Granted]:
        state = seen
        if seen is not None and seen.epoch != epoch and self._rules.head_after_raise:
            # Between our look and the raise the former owner may have committed; from the raise on it cannot.
            state = yield from self._look(shard, bucket, known, linearizable=True)
        if state is None:
            raise CorruptError(f"shard {shard}", f"bucket {bucket} existed and does not any more")
        known.add(bucket, state.start)
        if not self._rules.head_after_raise:
            state = msgspec.structs.replace(state, epoch=epoch)
        # Under a newer epoch than ours this head is too new for us and harmless: we can neither commit nor prove.
        place = Place(epoch, bucket, state) if state.epoch == epoch else None
        return Granted(Acquired(epoch, state.head), place)

    def _place_of(self, row: CommitRow, known: KnownBuckets) -> Steps[Place]:
        bucket, state = yield from self._newest(row.shard, known)
        if state is None or state.newest_epoch != row.epoch or state.head != row.first - 1:
            raise FencedError(row.shard, row.epoch, None if state is None else state.newest_epoch)
        return Place(row.epoch, bucket, state)

    def _next_bucket(self, row: CommitRow, place: Place, owner: str, known: KnownBuckets) -> Steps[Place]:
        """Open the bucket behind one that is known to be sealed by our own epoch, at our head."""
        bucket, head = place.bucket + 1, place.state.head
        opens = OpenBucket(row.shard, bucket, row.epoch, head, owner, self._rules.open_if_absent)
        state: BucketState | None = BucketState(row.epoch, head, head, 0, 0)
        if not (yield from self._written(opens)):
            state = yield from self._look(row.shard, bucket, known, linearizable=True)
        # One that exists with our epoch at our head is ours: an acquirer's would have a higher epoch.
        if state is None or state.epoch != row.epoch or state.head != head:
            raise FencedError(row.shard, row.epoch, None if state is None else state.newest_epoch)
        known.add(bucket, head)
        return Place(row.epoch, bucket, state)

    def _require_there(self, row: CommitRow, place: Place) -> Steps[None]:
        """Raise what "not applied" means: nearly always that we are fenced off.

        A commit that is answered so although its row is there (a coordinator that finds its own proposal finished by
        another) is told apart by its id; the answer was definite, so nothing of it is on its way any more.
        """
        state = cast("BucketState | None", (yield ReadBucket(row.shard, place.bucket, linearizable=True)))
        there = cast("RowState | None", (yield ReadRow(row.shard, place.bucket, row.first)))
        if there is None or there.commit_id != row.commit_id:
            raise FencedError(row.shard, row.epoch, None if state is None else state.newest_epoch)
