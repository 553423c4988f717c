"""The journal port: what every store promises. `tests/journal/contract.py` holds each adapter to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

from kinelog.journal.errors import JournalError
from kinelog.journal.records import Acquired, CommitName, Outcome, Positioned, Snapshot, StoredEvent


class Journal(ABC):
    """A fenced, append-only log per shard.

    The coordinator says who *should* own a shard; the epoch here says who *may* write. All methods may be called from
    any thread; they block. Every method may raise `UnavailableError`.
    """

    shards: int
    """Number of shards, chosen when the store was made."""

    incarnation: str
    """Identity of this log (random hex); a restored or copied log has another, and views belong to one."""

    commit_bytes: int
    """Largest commit it takes, packed."""

    gather_share: float = 0.0
    """Share of a commit's time that is worth waiting for more events while other shards' commits are in flight; 0 where
    these share their cost anyway."""

    @abstractmethod
    def acquire(self, shard: int, owner: str) -> Acquired:
        """Take the next epoch of a shard: every older one is fenced off from this moment.

        Raises:
            UnknownOutcomeError: Raise again: two acquirers that both time out may see the same epoch.
        """

    @abstractmethod
    def commit(self, shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> int:
        """Append events, all or none, at positions `after + 1 …`; durable before it returns.

        Args:
            shard: The shard.
            epoch: The epoch that `acquire` gave.
            after: The head as the owner knows it.
            commit_id: 16 random bytes that name this commit for `outcome`.
            events: At least one; per entity in sequence order.

        Returns:
            Position of the last event.

        Raises:
            FencedError: A newer epoch exists, or the head is not `after`. Nothing was written.
            UnknownOutcomeError: It may have been applied, or may yet be.
            StorageFullError: No room; nothing was written.
            CommitTooLargeError: Nothing was written.
        """

    def commit_soon(
        self,
        shard: int,
        epoch: int,
        after: int,
        commit_id: bytes,
        events: Sequence[StoredEvent],
        done: Callable[[int | JournalError], None],
    ) -> None:
        """Like `commit`, but the caller need not wait: one thread can have a commit of each of its shards in flight.

        Args:
            shard: As for `commit`.
            epoch: As for `commit`.
            after: As for `commit`.
            commit_id: As for `commit`.
            events: As for `commit`.
            done: Called once with what `commit` returns or raises, on any thread, perhaps before this returns. It must
                be quick and never raise.
        """
        outcome: int | JournalError
        try:
            outcome = self.commit(shard, epoch, after, commit_id, events)
        except JournalError as error:
            outcome = error
        done(outcome)

    @abstractmethod
    def outcome(self, shard: int, epoch: int, after: int, commit_id: bytes) -> Outcome:
        """Judge a commit of an *older* epoch by its commit id, after a newer epoch was acquired.

        Args:
            shard: The shard.
            epoch: The epoch the commit was made under.
            after: The head the commit was made on.
            commit_id: Its id. Never judged by the head: somebody else's commit of equal size leaves the same one.
        """

    @abstractmethod
    def owns(self, shard: int, epoch: int) -> bool:
        """Whether `epoch` is still the newest (a linearizable read): what a reply without a commit needs."""

    def owns_soon(self, shard: int, epoch: int, done: Callable[[bool | JournalError], None]) -> None:
        """Like `owns`, but the caller need not wait; `done` as in `commit_soon`."""
        outcome: bool | JournalError
        try:
            outcome = self.owns(shard, epoch)
        except JournalError as error:
            outcome = error
        done(outcome)

    @abstractmethod
    def head(self, shard: int) -> int:
        """Position of the last committed event, 0 for an empty log."""

    @abstractmethod
    def read(self, shard: int, after: int, limit: int) -> list[Positioned]:
        """Up to `limit` events (and the rest of the last commit) behind position `after`, in log order, no gaps.

        Raises:
            CorruptError: A commit row is damaged.
        """

    @abstractmethod
    def commits(self, shard: int, after: int, up_to: int) -> list[CommitName]:
        """Which commits the positions `after + 1` to `up_to` stand in, in log order; what is in them is not read.

        Positions behind the head stand in none.

        Raises:
            CorruptError: A position is missing.
        """

    def read_commits(self, shard: int, after: int) -> Iterator[list[Positioned]]:
        """The commits behind position `after`, one at a time: for who must not hold more than one in memory.

        The first may be the rest of a commit, where `after` is a position within it.

        Raises:
            CorruptError: A commit row is damaged.
        """
        while commit := self.read(shard, after, 1):  # one event, and the rest of its commit
            yield commit
            after = commit[-1].position

    @abstractmethod
    def replay(self, entity: str, after_sequence: int = 0) -> Iterator[Positioned]:
        """One entity's events behind `after_sequence`, in order.

        Raises:
            CorruptError: A commit row is damaged or a sequence number is missing.
        """

    @abstractmethod
    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot of committed state; the newest two of an entity stay. May be lost, never wrong."""

    @abstractmethod
    def snapshots(self, entity: str) -> list[Snapshot]:
        """Up to two snapshots, newest first. A reader falls back to the older, then to the events."""

    @abstractmethod
    def discard_snapshots(self, person_entity: str) -> None:
        """Delete all snapshots of a person (their own stream's and their sessions'), after an erasure."""

    @abstractmethod
    def close(self) -> None:
        """Finish what is in flight and close."""
