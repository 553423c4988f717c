"""A process that runs the shard: the real machine, with its effects done by a simulated store that may fail."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from kinelog.actors import effects, messages, snapshots
from kinelog.actors.effects import Effect
from kinelog.actors.messages import Message, Pending
from kinelog.actors.restoration import forget_people, restore_shard
from kinelog.actors.shard_machine import ShardMachine
from kinelog.journal.errors import JournalError
from kinelog.journal.records import Snapshot
from kinelog.privacy.errors import ErasedPersonError

from tests.simulation.history import Answering, Held, Taking
from tests.simulation.node_store import SHARD, NodeStore

if TYPE_CHECKING:
    from tests.simulation.world import World

BLOCKING = (
    effects.Acquire,
    effects.Restore,
    effects.Commit,
    effects.Judge,
    effects.ProveOwnership,
    effects.Forget,
)


class Node:
    """One owner. Its lives are numbered: what was asked for in an earlier life answers to nobody."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.life = 0
        self.up = False
        self.released = False
        self.machine: ShardMachine = world.make_machine()
        self.store: NodeStore = world.make_store(self)
        self._asleep: list[Callable[[], None]] = []
        self._paused = False
        self._busy = 0
        self._held: deque[Message] = deque()
        self._arrived: list[Pending] = []

    @property
    def owner(self) -> str:
        """This node in this life."""
        return f"{self.name}.{self.life}"

    # ── being alive ──────────────────────────────────────────────────────────────────────────────────────────────

    def boot(self) -> None:
        """Start a new life."""
        self.life += 1
        self.up = True
        self.released = False
        self.machine = self.world.make_machine()
        self.store = self.world.make_store(self)
        self._asleep.clear()
        self._paused = False
        self._busy = 0
        self._held.clear()
        self._arrived.clear()
        self.world.note(f"{self.owner} boots")
        self.tell(self.life, messages.Start())
        self._tick(self.life)

    def crash(self) -> None:
        """Lose everything in memory; what is on its way to the store goes on without us."""
        self.world.note(f"{self.owner} crashes")
        self.up = False

    def pause(self, length_ms: int) -> None:
        """Stand still, as a process that is swapped out does; what is on its way to the store goes on."""
        if self.up and not self._paused:
            self.world.note(f"{self.owner} stands still for {length_ms} ms")
            self._paused = True
            self.world.clockwork.later(length_ms, partial(self._resume, self.life))

    def _resume(self, life: int) -> None:
        if life == self.life and self.up:
            self._paused = False
            asleep, self._asleep = self._asleep, []
            for action in asleep:
                action()
            self._work()

    @property
    def awake(self) -> bool:
        """Whether this node is not standing still."""
        return not self._paused

    def when_awake(self, life: int, action: Callable[[], None]) -> None:
        """Go on with something: at once, after a pause, or never, if that life is over."""
        if life != self.life or not self.up:
            return
        if self._paused:
            self._asleep.append(action)
        else:
            action()

    def _tick(self, life: int) -> None:
        if life == self.life and self.up:
            self.tell(life, messages.Ticked())
            self.world.clockwork.later(500, partial(self._tick, life))

    # ── messages in ──────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, pending: Pending) -> None:
        """A command arrives from the network; those that arrive close to each other are one drain."""
        if not self.up:
            return
        if not self._arrived:
            self.world.clockwork.later(self.world.rng.choice((0, 1, 15)), partial(self._submit, self.life))
        self._arrived.append(pending)

    def _submit(self, life: int) -> None:
        if life == self.life and self.up and self._arrived:
            arrived, self._arrived = self._arrived, []
            self.tell(life, messages.Submitted(arrived))

    def tell(self, life: int, message: Message, *, ends: bool = False) -> None:
        """Tell the machine something, unless it is of an earlier life; `ends` what blocked the node."""
        if life != self.life or not self.up:
            return
        if ends:
            self._busy -= 1
            self._held.appendleft(message)
        else:
            self._held.append(message)
        self._work()

    def _work(self) -> None:
        # A node that blocks takes nothing in while the store works for it, as the real shell does.
        while self._held and self.up and not self._paused and not (self.world.plan.blocking and self._busy):
            self._step(self._held.popleft())

    def _step(self, message: Message) -> None:
        world = self.world
        if isinstance(message, messages.Submitted):
            for pending in message.commands:
                self._record_taking(pending)
        world.note(f"{self.owner} {message}")
        todo = self.machine.step(message, world.clockwork.now_ms, world.rng.randbytes(16))
        world.history.seen.add(type(message).__name__)
        for effect in todo:
            world.history.seen.add(type(effect).__name__)
            world.note(f"{self.owner}     → {effect}")
            self._busy += isinstance(effect, BLOCKING)
            self._do(effect)
        if isinstance(message, messages.Committed | messages.Judged | messages.CommitFailed):
            self.record_residents()

    def _record_taking(self, pending: Pending) -> None:
        world = self.world
        ticket = pending.ticket
        if isinstance(ticket, int):
            world.history.entries.append(
                Taking(
                    world.clockwork.now_ms,
                    self.owner,
                    ticket,
                    pending.person,
                    pending.command,
                    world.journal.head(SHARD),
                )
            )

    def record_residents(self) -> None:
        """Write down what this node holds to be committed."""
        for entity, resident in self.machine.residents.items():
            self._record_held(entity, resident.sequence, resident.state, "memory")

    def _record_held(self, entity: str, sequence: int, state: object, where: str) -> None:
        world = self.world
        head = world.journal.head(SHARD)
        world.history.entries.append(
            Held(world.clockwork.now_ms, self.owner, entity, sequence, state, head, where)  # type: ignore[arg-type]
        )

    # ── effects out ──────────────────────────────────────────────────────────────────────────────────────────────

    def _do(self, effect: Effect) -> None:
        match effect:
            case effects.Reply():
                self._reply(effect)
            case effects.SaveSnapshot():
                self._record_held(effect.entity, effect.sequence, effect.state, "snapshot")
                self._in_store(partial(self._save_snapshot, effect))
            case effects.SaveShardSnapshot():
                self._in_store(partial(self._save_shard_snapshot, effect))
            case effects.Recover():
                self._in_store(partial(self._recover, effect), ends=False)
            case effects.Gather():
                gathered = messages.Gathered(effect.number, waited=True)
                self.world.clockwork.later(effect.wait_ms, partial(self.tell, self.life, gathered))
            case effects.ReportDefect():
                self.world.history.complaints.append(f"{effect.command} raised {effect.error!r}")
            case effects.Released():
                self.released = True
            case effects.Restore():
                self._in_store(partial(self._restore, effect))
            case effects.Forget():
                self._in_store(partial(self._forget, effect, self.owner))
            case _:
                self.store.perform(effect, self.owner, partial(self.tell, self.life, ends=True))

    def _in_store(self, work: Callable[[], Message | None], *, ends: bool = True) -> None:
        """Let the store do something after a while, and tell the machine after another."""
        world, life, store = self.world, self.life, self.store

        def at_the_store() -> None:
            answer = work()
            if answer is not None:
                world.clockwork.later(world.store_delay(), lambda: self.tell(life, answer, ends=ends))

        world.clockwork.later(world.store_delay(), partial(store.in_background, at_the_store))

    def _restore(self, effect: effects.Restore) -> Message:
        if self.world.happens(self.world.plan.store_fails):
            return messages.RestoreFailed()
        try:
            return restore_shard(self.store.journal, self.world.keys, SHARD, effect.head)
        except JournalError:
            return messages.RestoreFailed()

    def _recover(self, effect: effects.Recover) -> Message:
        world = self.world
        if world.happens(world.plan.recovery_fails):
            return messages.RecoveryFailed(effect.entity, effect.recovery)
        return self.store.recoverer.recover(effect.entity, effect.recovery)

    def _forget(self, effect: effects.Forget, owner: str) -> Message | None:
        world = self.world
        if self.up and owner == self.owner and world.happens(world.plan.crash_before_forgetting):
            world.crash(self)
            return None
        if world.happens(world.plan.forget_fails):
            return messages.ForgetFailed()
        try:
            forget_people(self.store.journal, world.keys, effect.people)
        except JournalError:
            return messages.ForgetFailed()
        return messages.Forgotten()

    def _save_snapshot(self, effect: effects.SaveSnapshot) -> None:
        world = self.world
        if world.happens(world.plan.snapshot_lost):
            return
        try:
            snapshot = snapshots.seal_state(
                effect.entity, effect.sequence, effect.state, world.clockwork.now_ms, world.keys
            )
        except ErasedPersonError:
            return
        self._keep(snapshot)

    def _save_shard_snapshot(self, effect: effects.SaveShardSnapshot) -> None:
        world = self.world
        if not world.happens(world.plan.snapshot_lost):
            self._keep(snapshots.seal_sessions(SHARD, effect.position, effect.sessions, world.clockwork.now_ms))

    def _keep(self, snapshot: Snapshot) -> None:
        # The real shell logs that it was not saved, and goes on: a snapshot only makes a recovery shorter.
        with contextlib.suppress(JournalError):
            self.store.journal.save_snapshot(snapshot)

    def _reply(self, effect: effects.Reply) -> None:
        world = self.world
        head = world.journal.head(SHARD)
        for ticket, answer in effect.answers:
            number = world.ticket(ticket)
            request = world.requests[number]
            erased = world.keys.is_erased(*request.person)
            world.history.entries.append(Answering(world.clockwork.now_ms, self.owner, number, answer, head, erased))
            world.answer(request, answer)
