"""What the journal on Cassandra leaves to others: finding one entity's events, and keeping snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from kinelog.journal.commit_row import CommitRow, Run
from kinelog.journal.records import Positioned, Snapshot


class EntityReplays(Protocol):
    """Finds an entity's events, from its index and from the log's tail behind that. Thread-safe."""

    def replay(self, entity: str, after_sequence: int) -> Iterator[Positioned]:
        """As `Journal.replay`."""

    def acquired(self, shard: int, head: int) -> None:
        """This process took the shard; its log ends at `head`."""

    def admit(self, row: CommitRow, go: Callable[[], None]) -> None:
        """Call `go` once another commit may be written: at once, or when the index has come near enough."""

    def committed(self, row: CommitRow, runs: Sequence[Run]) -> None:
        """A commit of this process is in the log. On the connection's thread for answers: to be quick."""

    def close(self) -> None:
        """Stop what runs in the background."""


class SnapshotStore(Protocol):
    """Keeps the newest two snapshots of each entity. Thread-safe."""

    def save(self, snapshot: Snapshot) -> None:
        """As `Journal.save_snapshot`."""

    def newest(self, entity: str) -> list[Snapshot]:
        """As `Journal.snapshots`."""

    def discard(self, person_entity: str) -> None:
        """As `Journal.discard_snapshots`."""
