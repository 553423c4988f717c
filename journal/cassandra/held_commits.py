"""Consecutive commits of one shard in memory, found by entity: what a tail holds. No locks, no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from kinelog.journal.cassandra.entity_blocks import block_length, cost_of
from kinelog.journal.cassandra.entity_events import Offset
from kinelog.journal.commit_row import CommitRow, Run

RunBytes = tuple[Run, CommitRow]
"""A run, and the commit in whose body its events are."""


@dataclass(frozen=True, slots=True)
class _Held:
    row: CommitRow
    runs: Sequence[Run]
    cost: int


class HeldCommits:
    """The commits in `offset.position < position ≤ up_to`.

    Attributes:
        offset: Up to where the index was complete when the first of these was read.
        up_to: Position of the last event held; that of the offset if there is none.
        seen: Position of the last event that is known to exist.
        cost: What they count, by `cost_of`.
    """

    def __init__(self, offset: Offset) -> None:
        """Hold nothing yet."""
        self.offset = offset
        self.up_to = offset.position
        self.seen = offset.position
        self.cost = 0
        self._commits: deque[_Held] = deque()
        self._runs: dict[str, deque[RunBytes]] = {}

    def follows(self, offset: Offset) -> bool:
        """Whether these commits, or some of them, are what lies behind another offset."""
        return offset.generation == self.offset.generation and self.offset.position <= offset.position <= self.up_to

    def add(self, row: CommitRow, runs: Sequence[Run]) -> None:
        """Hold another commit, unless it is held already or something is missing before it."""
        self.seen = max(self.seen, row.last)
        if row.first != self.up_to + 1:
            return
        held = _Held(row, runs, cost_of(row, runs))
        self._commits.append(held)
        self.cost += held.cost
        for run in runs:
            self._runs.setdefault(run.entity, deque()).append((run, row))
        self.up_to = row.last

    def forget_up_to(self, offset: Offset) -> None:
        """Let go of what the index holds now; `follows(offset)` holds."""
        while self._commits and self._commits[0].row.last <= offset.position:
            held = self._commits.popleft()
            self.cost -= held.cost
            for run in held.runs:
                runs = self._runs[run.entity]
                runs.popleft()
                if not runs:
                    del self._runs[run.entity]
        self.offset = offset

    def runs_of(self, entity: str, after_sequence: int, after_position: int) -> list[RunBytes]:
        """An entity's runs with events behind a sequence number, in commits behind a position."""
        return [
            (run, row)
            for run, row in self._runs.get(entity, ())
            if run.position > after_position and run.last_sequence > after_sequence
        ]

    def oldest_block(self) -> list[CommitRow]:
        """The commits of the first block of the index behind the offset; empty if it is not whole yet."""
        length = block_length(held.cost for held in self._commits)
        return [self._commits[number].row for number in range(length)]
