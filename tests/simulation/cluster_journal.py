"""The log in the model of a cluster, read: by nodes as the cluster shows it to them, by the checker as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn, cast

from kinelog.cassandra_session.connection import Access, Statement
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.records import Positioned, StoredEvent
from typing_extensions import override

from tests.simulation.cluster.model import Cluster
from tests.simulation.node_store import SHARD

_ROWS = Statement(
    "SELECT first, last, row_epoch, commit_id, checksum, directory, body FROM {log}.log WHERE shard = ? AND bucket = ?",
    Access.READ,
)
_BUCKET = Statement("SELECT DISTINCT epoch FROM {log}.log WHERE shard = ? AND bucket = ?", Access.READ)


class ClusterJournal(MemoryJournal):
    """Reads what is in the cluster's log table; snapshots stay in memory. Never writes the log."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(shards=1)
        self._cluster = cluster
        self.reached = 0

    def rows(self) -> Iterator[CommitRow]:
        """All commits, bucket by bucket."""
        bucket = 0
        while self._cluster.ask(_BUCKET, (SHARD, bucket)):
            for columns in self._cluster.ask(_ROWS, (SHARD, bucket)):
                if columns[0] is not None:
                    yield CommitRow(SHARD, *cast("tuple[int, int, int, bytes, bytes, bytes, bytes]", columns))
            bucket += 1

    @override
    def head(self, shard: int) -> int:
        return self.reached

    @override
    def read(self, shard: int, after: int, limit: int) -> list[Positioned]:
        found: list[Positioned] = []
        for row in self.rows():
            if row.last > after:
                found += [Positioned(row.first + number, event) for number, event in enumerate(row.events())]
        return [positioned for positioned in found if positioned.position > after][:limit]

    @override
    def replay(self, entity: str, after_sequence: int = 0) -> Iterator[Positioned]:
        everything = self.read(SHARD, 0, 1 << 30)
        return iter([one for one in everything if one.event.entity == entity and one.event.sequence > after_sequence])

    @override
    def acquire(self, shard: int, owner: str) -> NoReturn:
        raise NotImplementedError("nodes acquire by procedures")

    @override
    def commit(self, shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> NoReturn:
        raise NotImplementedError("nodes commit by procedures")
