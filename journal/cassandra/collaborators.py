"""What the journal on Cassandra leaves to others: finding one entity's events, and keeping snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from kinelog.journal.commit_row import CommitRow, Run
from kinelog.journal.records import Positioned, Snapshot


class EntityReplays(Protocol):
    """Finds an entity's events, from its index and from the log's tail behind that. Thread-safe."""

    def replay(self, shard: int, entity: str, after_sequence: int) -> Iterator[Positioned]:
        """As `Journal.replay`."""

    def committed(self, row: CommitRow, runs: Sequence[Run]) -> None:
        """Hear of a commit of this process that was applied; on the connection's thread for answers, so quick."""

    def has_room(self, shard: int) -> bool:
        """Whether the next commit may be made, as far as the tail behind the index is concerned."""

    def make_room(self, shard: int) -> None:
        """Wait until it may; never called on the connection's thread for answers."""

    def forget(self, shard: int) -> None:
        """Give up what is held of a shard, which was taken anew or lost."""


class SnapshotStore(Protocol):
    """Keeps the newest two snapshots of each entity. Thread-safe."""

    def save(self, snapshot: Snapshot) -> None:
        """As `Journal.save_snapshot`."""

    def newest(self, entity: str) -> list[Snapshot]:
        """As `Journal.snapshots`."""

    def discard(self, person_entity: str) -> None:
        """As `Journal.discard_snapshots`."""
