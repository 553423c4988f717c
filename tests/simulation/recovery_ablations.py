"""Recovery by the entity index, done wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinelog.journal.cassandra.entity_events import EntityEvents, Offset
from kinelog.journal.cassandra.entity_recovery import EntityRecovery, Replayed
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.records import Positioned
from typing_extensions import override

from tests.simulation.node_store import SHARD


class IndexBeforeOffset(EntityRecovery):
    """Reads the index, and only then how far it goes: what moved from the tail into it meanwhile is in neither."""

    @override
    def replay(self, shard: int, entity: str, after_sequence: int) -> Iterator[Positioned]:
        replayed = Replayed(entity, after_sequence)
        tail = self._tails[shard]
        generation = self.index.offset(shard).generation
        for run, content in self.index.read(generation, entity, replayed.sequence):
            yield from replayed.next_of(run, content)
        view = tail.view(entity, replayed.sequence)
        for run, row in tail.behind(view, entity, replayed.sequence) or ():
            yield from replayed.next_of(run, row.body[run.start : run.start + run.length])


class BelievesBehindTheOffset(EntityRecovery):
    """Takes what the index has behind its offset for complete."""

    @override
    def replay(self, shard: int, entity: str, after_sequence: int) -> Iterator[Positioned]:
        replayed = Replayed(entity, after_sequence)
        tail = self._tails[shard]
        view = tail.view(entity, replayed.sequence)
        for run, content in self.index.read(view.offset.generation, entity, replayed.sequence):
            yield from replayed.next_of(run, content)
        for run, row in tail.behind(view, entity, replayed.sequence) or ():
            yield from replayed.next_of(run, row.body[run.start : run.start + run.length])


class ForgetsNoTail(EntityRecovery):
    """Keeps the tail of an earlier ownership, and never looks whether the log or the index went on without us."""

    @override
    def forget(self, shard: int) -> None:
        """Keep it."""

    @override
    def replay(self, shard: int, entity: str, after_sequence: int) -> Iterator[Positioned]:
        replayed = Replayed(entity, after_sequence)
        view = self._tails[shard].view(entity, replayed.sequence)
        for run, content in self.index.read(view.offset.generation, entity, replayed.sequence):
            if run.position <= view.offset.position:
                yield from replayed.next_of(run, content)
        for run, row in view.runs:
            yield from replayed.next_of(run, row.body[run.start : run.start + run.length])


class OffsetBeforeRows(EntityEvents):
    """Says that a block is in the index, and then writes it."""

    @override
    def write(self, generation: int, block: Sequence[CommitRow]) -> None:
        self.move_offset(SHARD, Offset(generation, block[-1].last))
        super().write(generation, block)
