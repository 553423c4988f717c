"""A journal beside a model of it: random owners, stale commits, restarts, and what must be true after each."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from kinelog.journal.errors import FencedError
from kinelog.journal.port import Journal
from kinelog.journal.records import Acquired, Outcome, Positioned, StoredEvent
from typing_extensions import override

from tests.journal.stored_events import person_in, stored

SHARDS = (0, 1)
PEOPLE = 3


@dataclass
class ModelShard:
    """A shard as it should be."""

    epoch: int = 0
    log: list[Positioned] = field(default_factory=list)
    owners: list[Acquired] = field(default_factory=list)
    outcomes: list[tuple[int, int, bytes, Outcome]] = field(default_factory=list)


class JournalMachine(RuleBasedStateMachine):
    """Several owners at each shard, of which one is the newest."""

    def __init__(self, open_journal: Callable[[], Journal]) -> None:
        super().__init__()
        self._open = open_journal
        self._model = {shard: ModelShard() for shard in SHARDS}

    @initialize()
    def open(self) -> None:
        self.journals = [self._open(), self._open()]

    @rule(which=st.integers(0, 1), shard=st.sampled_from(SHARDS))
    def acquire(self, which: int, shard: int) -> None:
        model = self._model[shard]
        model.epoch += 1
        acquired = self.journals[which].acquire(shard, f"owner {which}")
        assert acquired == Acquired(model.epoch, len(model.log))
        model.owners.append(acquired)

    @precondition(lambda self: any(model.owners for model in self._model.values()))
    @rule(
        which=st.integers(0, 1),
        shard=st.sampled_from(SHARDS),
        age=st.integers(0, 2),
        astray=st.sampled_from([0, 0, 0, 0, -1, 1]),
        people=st.lists(st.integers(0, PEOPLE - 1), min_size=1, max_size=8),
    )
    def commit(self, which: int, shard: int, age: int, astray: int, people: list[int]) -> None:
        model = self._model[shard]
        if not model.owners:
            return
        journal = self.journals[which]
        owner = model.owners[max(-len(model.owners), -1 - age)]
        after = len(model.log) + astray
        events: list[StoredEvent] = []
        for number in people:
            entity = person_in(shard, journal.shards, number).persistence_id
            sequence = 1 + sum(item.event.entity == entity for item in model.log)
            sequence += sum(event.entity == entity for event in events)
            events.append(stored(entity, sequence))
        commit_id = secrets.token_bytes(16)
        allowed = owner.epoch == model.epoch and astray == 0
        try:
            last = journal.commit(shard, owner.epoch, after, commit_id, events)
        except FencedError:
            assert not allowed
            model.outcomes.append((owner.epoch, after, commit_id, Outcome(applied=False)))
        else:
            assert allowed
            model.log += [Positioned(after + 1 + index, event) for index, event in enumerate(events)]
            assert last == len(model.log)
            model.outcomes.append((owner.epoch, after, commit_id, Outcome(applied=True, first=after + 1, last=last)))

    @rule(which=st.integers(0, 1), shard=st.sampled_from(SHARDS), after=st.integers(0, 20), limit=st.integers(1, 30))
    def read(self, which: int, shard: int, after: int, limit: int) -> None:
        log = self._model[shard].log
        got = self.journals[which].read(shard, after, limit)
        assert got == log[after : after + len(got)]
        assert len(got) >= min(limit, max(0, len(log) - after))
        assert self.journals[which].head(shard) == len(log)

    @rule(
        which=st.integers(0, 1),
        shard=st.sampled_from(SHARDS),
        number=st.integers(0, PEOPLE - 1),
        after=st.integers(0, 10),
    )
    def replay(self, which: int, shard: int, number: int, after: int) -> None:
        journal = self.journals[which]
        entity = person_in(shard, journal.shards, number).persistence_id
        expected = [item for item in self._model[shard].log if item.event.entity == entity]
        assert list(journal.replay(entity, after)) == expected[after:]

    @rule(which=st.integers(0, 1), shard=st.sampled_from(SHARDS))
    def ask(self, which: int, shard: int) -> None:
        model = self._model[shard]
        for epoch, after, commit_id, outcome in model.outcomes:
            if epoch < model.epoch:
                assert self.journals[which].outcome(shard, epoch, after, commit_id) == outcome
        for owner in model.owners:
            assert self.journals[which].owns(shard, owner.epoch) == (owner.epoch == model.epoch)

    @rule(which=st.integers(0, 1))
    def restart(self, which: int) -> None:
        self.journals[which].close()
        self.journals[which] = self._open()

    @override
    def teardown(self) -> None:
        for journal in getattr(self, "journals", []):
            journal.close()
