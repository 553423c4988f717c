"""One entity's events come back whole whatever the index is doing; each rule of that order matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinelog.journal.cassandra.entity_events import EntityEvents, Offset
from kinelog.journal.cassandra.entity_recovery import EntityRecovery, Replayed
from kinelog.journal.cassandra.log_tail import TailView
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.errors import CorruptError
from kinelog.journal.records import Positioned

from tests.journal.index_world import SHARD, IndexWorld, Replay, small_blocks

TURNS = 45
SEEDS = 400


@given(rng=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_replay_is_right_at_any_lag_and_while_the_index_is_written_rebuilt_or_lost(rng: Random) -> None:
    with small_blocks():
        IndexWorld(rng).run(TURNS)


def broken_after(replay: Replay | None = None) -> int | None:
    """The first of some runs of the same world that finds a wrong replay."""
    for seed in range(SEEDS):
        try:
            with small_blocks():
                IndexWorld(Random(seed), replay).run(TURNS)
        except (AssertionError, CorruptError):
            return seed
    return None


def indexed_of(recovery: EntityRecovery, view: TailView, replayed: Replayed) -> Iterator[Positioned]:
    for run, content in recovery.index.read(view.offset.generation, replayed.entity, replayed.sequence):
        if run.position > view.offset.position:
            return
        yield from replayed.next_of(run, content)


def behind_of(recovery: EntityRecovery, view: TailView, replayed: Replayed) -> list[Positioned] | None:
    behind = recovery._tails[SHARD].behind(view, replayed.entity, replayed.sequence)
    if behind is None:
        return None
    return [
        positioned
        for run, row in behind
        for positioned in replayed.next_of(run, row.body[run.start : run.start + run.length])
    ]


def index_before_offset(recovery: EntityRecovery, entity: str, after: int) -> Iterator[Positioned]:
    """What moves from the tail into the index between the two looks is in neither."""
    replayed = Replayed(entity, after)
    while True:
        generation = recovery.index.offset(SHARD).generation
        indexed = list(recovery.index.read(generation, entity, replayed.sequence))
        view = recovery._tails[SHARD].view(entity, replayed.sequence)
        for run, content in indexed:
            if run.position <= view.offset.position:
                yield from replayed.next_of(run, content)
        behind = behind_of(recovery, view, replayed)
        if behind is not None:
            yield from behind
            return


def no_second_look_at_the_generation(recovery: EntityRecovery, entity: str, after: int) -> Iterator[Positioned]:
    """An index that was replaced and deleted while it was read looks like one that ends there."""
    replayed = Replayed(entity, after)
    tail = recovery._tails[SHARD]
    while True:
        view = tail.view(entity, replayed.sequence)
        yield from indexed_of(recovery, view, replayed)
        tail.refresh()
        now = tail.view(entity, replayed.sequence)
        if now.offset.generation != view.offset.generation:
            view = view._replace(offset=now.offset, up_to=max(view.up_to, now.offset.position))
        behind = behind_of(recovery, view, replayed)
        if behind is not None:
            yield from behind
            return


def index_believed_behind_its_offset(recovery: EntityRecovery, entity: str, after: int) -> Iterator[Positioned]:
    """Of two rows of a block that is being written, the second may be there alone."""
    replayed = Replayed(entity, after)
    while True:
        view = recovery._tails[SHARD].view(entity, replayed.sequence)
        for run, content in recovery.index.read(view.offset.generation, entity, replayed.sequence):
            yield from replayed.next_of(run, content)
        behind = behind_of(recovery, view, replayed)
        if behind is not None:
            yield from behind
            return


def in_the_right_order(recovery: EntityRecovery, entity: str, after: int) -> Iterator[Positioned]:
    """As the real one, put together from the same parts as the broken ones."""
    replayed = Replayed(entity, after)
    while True:
        view = recovery._tails[SHARD].view(entity, replayed.sequence)
        yield from indexed_of(recovery, view, replayed)
        behind = behind_of(recovery, view, replayed)
        if behind is not None:
            yield from behind
            return


@pytest.mark.parametrize(
    "broken", [index_before_offset, no_second_look_at_the_generation, index_believed_behind_its_offset]
)
def test_another_order_of_reading_loses_events(broken: Replay) -> None:
    seed = broken_after(broken)
    assert seed is not None
    with small_blocks():
        IndexWorld(Random(seed), in_the_right_order).run(TURNS)


def test_an_offset_that_is_written_before_its_rows_loses_events() -> None:
    write = EntityEvents.write

    def offset_first(index: EntityEvents, generation: int, block: Sequence[CommitRow]) -> None:
        index.move_offset(SHARD, Offset(generation, block[-1].last))
        write(index, generation, block)

    with patch.object(EntityEvents, "write", offset_first):
        assert broken_after() is not None
