"""A store in memory whose failures are drawn: the embedded journal, as a node sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from kinelog.actors import effects, messages
from kinelog.actors.messages import Message
from kinelog.journal.errors import FencedError
from kinelog.journal.records import Outcome
from kinelog.privacy.errors import ErasedPersonError
from typing_extensions import override

from tests.simulation.history import Acquisition, Application, Proof
from tests.simulation.node_store import SHARD, Done, LogEffect, NodeStore

if TYPE_CHECKING:
    from tests.simulation.world import World


class MemoryStore(NodeStore):
    """Each effect is one step of the store."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.journal = world.journal
        self.recoverer = world.make_recoverer(world.journal)
        self._asking: dict[type[LogEffect], Callable[..., Message]] = {
            effects.Commit: self._commit,
            effects.ProveOwnership: self._prove,
            effects.Acquire: self._acquire,
            effects.Judge: self._judge,
        }

    @override
    def perform(self, effect: LogEffect, owner: str, done: Done) -> None:
        world = self.world

        def at_the_store() -> None:
            answer = self._asking[type(effect)](effect, owner)
            world.clockwork.later(world.store_delay(), partial(done, answer))

        world.clockwork.later(world.store_delay(), at_the_store)

    def _acquire(self, _effect: effects.Acquire, owner: str) -> Message:
        world = self.world
        if world.happens(world.plan.store_fails):
            return messages.AcquireFailed()
        acquired = world.journal.acquire(SHARD, owner)
        world.history.entries.append(Acquisition(world.clockwork.now_ms, owner, acquired.epoch))
        if world.happens(world.plan.acquire_unknown):
            return messages.AcquireFailed()
        return messages.Acquired(acquired.epoch, acquired.head)

    def _commit(self, effect: effects.Commit, owner: str) -> Message:
        world, plan = self.world, self.world.plan
        if world.happens(plan.commit_fails):
            return messages.CommitFailed("storage-full")
        if len(effect.events) > plan.commit_events:
            return messages.CommitTooLarge()
        if world.happens(plan.commit_unknown_lost):
            return messages.OutcomeUnknown()
        if world.happens(plan.commit_unknown_late):
            world.clockwork.later(world.rng.randint(1, 4_000), partial(self._apply_late, effect, owner))
            return messages.OutcomeUnknown()
        answer = self._apply(effect, owner)
        return messages.OutcomeUnknown() if world.happens(plan.commit_unknown_applied) else answer

    def _apply_late(self, effect: effects.Commit, owner: str) -> None:
        # Nobody hears of it: the owner was told long ago that nobody knows.
        self._apply(effect, owner)

    def _apply(self, effect: effects.Commit, owner: str) -> Message:
        world = self.world
        try:
            stored = [world.codec.seal(entity, sequence, event) for entity, sequence, event in effect.events]
            last = world.journal.commit(SHARD, effect.epoch, effect.after, effect.commit_id, stored)
        except FencedError:
            return messages.Fenced()
        except ErasedPersonError as error:
            return messages.KeyMissing(world.person(error.tenant, error.pseudonym))
        world.history.entries.append(
            Application(world.clockwork.now_ms, owner, effect.epoch, effect.commit_id, effect.after + 1, last)
        )
        return messages.Committed(last)

    def _judge(self, effect: effects.Judge, _owner: str) -> Message:
        world = self.world
        if world.happens(world.plan.store_fails):
            return messages.JudgeFailed()
        if world.judges_by_head:
            head = world.journal.head(SHARD)
            return messages.Judged(Outcome(head > effect.after, effect.after + 1, head))
        return messages.Judged(world.journal.outcome(SHARD, effect.epoch, effect.after, effect.commit_id))

    def _prove(self, effect: effects.ProveOwnership, owner: str) -> Message:
        world = self.world
        if world.happens(world.plan.store_fails):
            return messages.ProofFailed()
        if not world.journal.owns(SHARD, effect.epoch):
            return messages.Fenced()
        world.history.entries.append(Proof(world.clockwork.now_ms, owner, effect.epoch))
        return messages.Owned()
