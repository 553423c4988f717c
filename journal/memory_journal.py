"""The journal in memory: for simulations and for measuring what is not the disk. Loses everything with the process."""

from __future__ import annotations

import secrets
import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence

from kinelog.journal.errors import FencedError
from kinelog.journal.port import Journal
from kinelog.journal.records import Acquired, CommitName, Outcome, Positioned, Snapshot, StoredEvent
from typing_extensions import override

COMMIT_BYTES = 8 << 20


class MemoryJournal(Journal):
    """A dictionary of logs behind a lock."""

    def __init__(self, shards: int = 16, commit_bytes: int = COMMIT_BYTES) -> None:
        """Start empty. How large a commit is, is not looked at."""
        self.shards = shards
        self.commit_bytes = commit_bytes
        self.incarnation = secrets.token_hex(16)
        self._lock = threading.RLock()
        self._epochs: dict[int, int] = defaultdict(int)
        self._logs: dict[int, list[Positioned]] = defaultdict(list)
        self._commits: dict[tuple[int, bytes], Outcome] = {}
        self._names: dict[int, list[CommitName]] = defaultdict(list)
        self._entities: dict[str, list[Positioned]] = defaultdict(list)
        self._snapshots: dict[str, list[Snapshot]] = defaultdict(list)

    @override
    def acquire(self, shard: int, owner: str) -> Acquired:
        with self._lock:
            self._epochs[shard] += 1
            return Acquired(self._epochs[shard], len(self._logs[shard]))

    @override
    def commit(self, shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> int:
        with self._lock:
            log = self._logs[shard]
            if epoch != self._epochs[shard] or after != len(log):
                raise FencedError(shard, epoch, self._epochs[shard])
            for event in events:
                positioned = Positioned(len(log) + 1, event)
                log.append(positioned)
                self._entities[event.entity].append(positioned)
            self._commits[shard, commit_id] = Outcome(applied=True, first=after + 1, last=len(log))
            self._names[shard].append(CommitName(after + 1, len(log), epoch, commit_id))
            return len(log)

    @override
    def outcome(self, shard: int, epoch: int, after: int, commit_id: bytes) -> Outcome:
        with self._lock:
            return self._commits.get((shard, commit_id), Outcome(applied=False))

    @override
    def owns(self, shard: int, epoch: int) -> bool:
        with self._lock:
            return self._epochs[shard] == epoch

    @override
    def head(self, shard: int) -> int:
        with self._lock:
            return len(self._logs[shard])

    @override
    def read(self, shard: int, after: int, limit: int) -> list[Positioned]:
        with self._lock:
            return self._logs[shard][after : after + limit]

    @override
    def commits(self, shard: int, after: int, up_to: int) -> list[CommitName]:
        with self._lock:
            names = self._names[shard]
            start = bisect_right(names, after, key=lambda name: name.last)
            end = bisect_right(names, up_to, start, key=lambda name: name.first)
            return names[start:end]

    @override
    def replay(self, entity: str, after_sequence: int = 0) -> Iterator[Positioned]:
        with self._lock:
            events = self._entities.get(entity, [])
            start = bisect_right(events, after_sequence, key=lambda positioned: positioned.event.sequence)
            return iter(events[start:])

    @override
    def save_snapshot(self, snapshot: Snapshot) -> None:
        with self._lock:
            kept = [other for other in self._snapshots[snapshot.entity] if other.sequence != snapshot.sequence]
            kept.append(snapshot)
            kept.sort(key=lambda other: other.sequence, reverse=True)
            self._snapshots[snapshot.entity] = kept[:2]

    @override
    def snapshots(self, entity: str) -> list[Snapshot]:
        with self._lock:
            return list(self._snapshots.get(entity, ()))

    @override
    def discard_snapshots(self, person_entity: str) -> None:
        with self._lock:
            for entity in list(self._snapshots):
                if entity == person_entity or entity.startswith(person_entity + "/"):
                    del self._snapshots[entity]

    @override
    def close(self) -> None:
        """Nothing to do."""
