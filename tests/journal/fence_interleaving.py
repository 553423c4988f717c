"""Several owners of one shard, their procedures interleaved statement by statement, with answers that never come.

Held to after every step: an epoch is given once; positions are contiguous and stand in one bucket each; what was
acknowledged stays; what was refused or judged as not applied never appears; nobody older writes behind the head that an
owner was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

from kinelog.cassandra_session.errors import UnknownWriteError, UnreachableError
from kinelog.journal.cassandra.buckets import KnownBuckets
from kinelog.journal.cassandra.fence_rules import ALL_RULES, FenceRules
from kinelog.journal.cassandra.procedures import Appended, Fence, Granted, Place, Steps
from kinelog.journal.cassandra.requests import ROW_OVERHEAD_BYTES, ReadBucket, ReadRow, Reply, Request
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.errors import FencedError, JournalError, UnknownOutcomeError
from kinelog.journal.records import Outcome

from tests.journal.fence_table import FenceTable, Write

BUCKET_BYTES = 2 * ROW_OVERHEAD_BYTES


class BrokenPromiseError(AssertionError):
    """A promise of the log was broken."""


class Fate(Enum):
    """What becomes of a statement."""

    ANSWERED = "answered"
    APPLIED = "applied, the answer lost"
    LOST = "lost"
    LATE = "on its way"


@dataclass
class Owner:
    """A process that wants the shard."""

    name: str
    known: KnownBuckets = field(default_factory=KnownBuckets)
    epoch: int | None = None
    head: int = 0
    place: Place | None = None
    doubt: CommitRow | None = None
    running: Steps[object] | None = None
    asks: Request | None = None
    ended: Callable[[object], None] | None = None
    pending: CommitRow | None = None

    @property
    def idle(self) -> bool:
        """Whether no procedure runs."""
        return self.running is None


@dataclass
class Interleaving:
    """The shard's history so far. `new_epoch` off: an owner tries on under its old epoch after an unknown outcome."""

    rules: FenceRules = ALL_RULES
    new_epoch: bool = True
    shard: int = 0
    owners: list[Owner] = field(default_factory=lambda: [Owner(name) for name in "abc"])
    table: FenceTable = field(default_factory=FenceTable)
    late: list[Write] = field(default_factory=list)
    grants: dict[int, int] = field(default_factory=dict)
    acknowledged: list[CommitRow] = field(default_factory=list)
    excluded: set[bytes] = field(default_factory=set)
    commits: int = 0

    def __post_init__(self) -> None:
        self.fence = Fence(BUCKET_BYTES, self.rules)

    # ── what owners do ───────────────────────────────────────────────────────────────────────────────────────────

    def acquire(self, owner: Owner) -> None:
        """Begin to acquire."""
        owner.epoch = owner.place = None
        self._begin(owner, self.fence.acquire(self.shard, owner.name, owner.known), self._granted(owner))

    def commit(self, owner: Owner, events: int) -> None:
        """Begin a commit, if the owner believes that it may."""
        if owner.epoch is None:
            return
        self.commits += 1
        commit_id = self.commits.to_bytes(16, "big")
        row = CommitRow(self.shard, owner.head + 1, owner.head + events, owner.epoch, commit_id, b"", b"", b"")
        owner.pending = row
        self._begin(owner, self.fence.commit(row, owner.place, owner.name, owner.known), self._appended(owner, row))

    def prove(self, owner: Owner) -> None:
        """Begin to prove that the shard is ours: true only if nobody newer had been answered when we asked."""
        epoch = owner.epoch
        if epoch is not None:
            newer = any(other > epoch for other in self.grants)

            def proven(owns: object) -> None:
                if owns and newer:
                    raise BrokenPromiseError(f"epoch {epoch} was proven newest after a newer one was given")

            self._begin(owner, self.fence.owns(self.shard, epoch, owner.known), proven)

    def look(self, owner: Owner) -> None:
        """Begin to read the head: never behind what was acknowledged before."""
        acknowledged = max((row.last for row in self.acknowledged), default=0)

        def seen(head: object) -> None:
            if cast("int", head) < acknowledged:
                raise BrokenPromiseError(f"head {head} after {acknowledged} was acknowledged")

        self._begin(owner, self.fence.head(self.shard, owner.known), seen)

    def forget(self, owner: Owner) -> None:
        """Lose what is known of buckets, not the epoch: as a restart between two commits."""
        if owner.idle:
            owner.place = None
            owner.known = KnownBuckets()

    def crash(self, owner: Owner, fate: Fate) -> None:
        """End the process; what it had sent may be applied all the same."""
        if owner.asks is not None:
            self._dispatch(owner.asks, fate)
        fresh = Owner(owner.name)
        self.owners[self.owners.index(owner)] = fresh

    # ── what becomes of it ───────────────────────────────────────────────────────────────────────────────────────

    def step(self, owner: Owner, fate: Fate) -> None:
        """Let the statement that an owner waits for have its fate, and the owner go on."""
        if owner.running is None or owner.asks is None:
            return
        reads = isinstance(owner.asks, ReadBucket | ReadRow)
        reply = self._dispatch(owner.asks, fate)
        if fate is Fate.ANSWERED:
            self._go_on(owner, reply)
        elif reads:
            self._go_on(owner, None, UnreachableError("no answer"))
        else:
            self._go_on(owner, None, UnknownWriteError("no answer"))
        self.check()

    def land(self, index: int) -> None:
        """Apply a write that was on its way."""
        if self.late:
            self.table.apply(self.late.pop(index % len(self.late)))
            self.check()

    def _dispatch(self, request: Request, fate: Fate) -> Reply:
        if isinstance(request, ReadBucket | ReadRow):
            return self.table.apply(request)
        if fate is Fate.LATE:
            self.late.append(request)
            return None
        return None if fate is Fate.LOST else self.table.apply(request)

    # ── running procedures ───────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, owner: Owner, steps: Steps[object], ended: Callable[[object], None]) -> None:
        owner.running, owner.ended = steps, ended
        self._go_on(owner, None)

    def _go_on(self, owner: Owner, reply: Reply, error: Exception | None = None) -> None:
        steps, ended = owner.running, owner.ended
        if steps is None or ended is None:
            return
        try:
            owner.asks = steps.send(reply) if error is None else steps.throw(error)
        except StopIteration as done:
            owner.running = owner.asks = None
            ended(done.value)
        except (JournalError, UnreachableError) as failure:
            owner.running = owner.asks = None
            self._failed(owner, failure)

    def _granted(self, owner: Owner) -> Callable[[object], None]:
        def ended(value: object) -> None:
            granted = cast("Granted", value)
            epoch = granted.acquired.epoch
            if epoch in self.grants:
                raise BrokenPromiseError(f"epoch {epoch} was given twice")
            self.grants[epoch] = granted.acquired.head
            owner.epoch, owner.head, owner.place = epoch, granted.acquired.head, granted.place
            if owner.doubt is not None:
                self._judge(owner, owner.doubt)

        return ended

    def _judge(self, owner: Owner, row: CommitRow) -> None:
        def ended(value: object) -> None:
            owner.doubt = None
            if cast("Outcome", value).applied:
                self.acknowledged.append(row)
            else:
                self.excluded.add(row.commit_id)

        steps = self.fence.outcome(self.shard, row.epoch, row.first - 1, row.commit_id, owner.known)
        self._begin(owner, steps, ended)

    def _appended(self, owner: Owner, row: CommitRow) -> Callable[[object], None]:
        def ended(value: object) -> None:
            appended = cast("Appended", value)
            owner.head, owner.place, owner.pending = appended.last, appended.place, None
            self.acknowledged.append(row)

        return ended

    def _failed(self, owner: Owner, failure: Exception) -> None:
        owner.place = None
        row, owner.pending = owner.pending, None
        if row is None:  # an acquisition or a look; a commit in doubt waits for the next epoch
            return
        if isinstance(failure, UnknownOutcomeError):
            if self.new_epoch:
                owner.epoch, owner.doubt = None, row
            else:
                self._judge(owner, row)
        else:
            self.excluded.add(row.commit_id)
            if isinstance(failure, FencedError):
                owner.epoch = None

    # ── promises ─────────────────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Hold the table to what was promised so far."""
        log = self.table.log(self.shard)
        position = 0
        for row in log:
            if row.first != position + 1:
                raise BrokenPromiseError(f"position {row.first} follows {position}")
            position = row.last
        stored = {row.commit_id: row for row in log}
        for row in self.acknowledged:
            if stored.get(row.commit_id) != row:
                raise BrokenPromiseError(
                    f"the acknowledged commit {row.first}-{row.last} of epoch {row.epoch} is not there"
                )
        if self.excluded & stored.keys():
            raise BrokenPromiseError("a commit is there of which its owner was told that it never will be")
        for epoch, head in self.grants.items():
            for row in log:
                if row.epoch < epoch and row.last > head:
                    raise BrokenPromiseError(
                        f"epoch {row.epoch} wrote {row.last} although epoch {epoch} begins behind {head}"
                    )
