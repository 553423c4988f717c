"""A node that takes part in a group: the real machine of the moves in front of the real machine of the shard."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from kinelog.actors import effects, messages
from kinelog.actors import move_effects as to_do
from kinelog.actors.answers import Unavailable
from kinelog.actors.effects import Effect
from kinelog.actors.lease import LOST, Lease
from kinelog.actors.membership.port import Member, View
from kinelog.actors.messages import Pending
from kinelog.actors.move_effects import MoveEffect
from kinelog.actors.moves_machine import MoveSettings, MovesMachine
from typing_extensions import override

from tests.simulation.coordinator import BEAT_MS, SESSION_MS, place
from tests.simulation.history import Acquiring, Answering, LossHeard
from tests.simulation.node import Node
from tests.simulation.node_store import SHARD

if TYPE_CHECKING:
    from tests.simulation.members_world import MembersWorld

SETTINGS = MoveSettings(handover_ms=1_000, moves_at_once=1)


class MemberNode(Node):
    """One process. Its `life` counts its times as owner, its `process` how often it was started."""

    def __init__(self, world: MembersWorld, name: str) -> None:
        super().__init__(world, name)
        self.members = world
        self.process = 0
        self.member = self._as_member()
        self.moves = MovesMachine(1, place, SETTINGS)
        self.counts = self.moves.counts
        self.owns = False
        self.cut_off = False
        self.draining = False
        self._leaves = False
        self._lease_until_ms = 0
        self._lease = Lease(lambda: self._lease_until_ms / 1_000, lambda: world.clockwork.now_ms / 1_000)
        self._view = View(number=0, members=(), joined=False)
        self._taken: set[int] = set()
        self._asked: list[Callable[[], None]] = []
        self._letting_go = 0

    @property
    @override
    def owner(self) -> str:
        return f"{self.name}/{self.member.life}.{self.life}"

    def _as_member(self) -> Member:
        self.members.lives += 1
        return Member(name=self.name, life=f"{self.members.lives:08x}", address="", version="1", reads=1)

    # ── being alive ──────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def boot(self) -> None:
        self.process += 1
        self._new_life()
        self.up = True
        self.released = False
        self.owns = self.draining = self._leaves = self._paused = False
        self._letting_go = self._lease_until_ms = 0
        self._view = View(number=0, members=(), joined=False)
        self.moves = MovesMachine(1, place, SETTINGS)
        self.moves.counts = self.counts
        self._asleep.clear()
        self._taken.clear()
        self._asked.clear()
        self.world.note(f"{self.name} boots")
        self._join()
        self._clock(self.process)

    @override
    def crash(self) -> None:
        super().crash()
        self.owns = False
        self.process += 1

    def when_process_awake(self, action: Callable[[], None]) -> None:
        """Do something now, after a pause, or never if the process is not there."""
        if self.up:
            self.when_awake(self.life, action)

    @override
    def when_awake(self, life: int, action: Callable[[], None]) -> None:
        process = self.process
        super().when_awake(life, lambda: action() if process == self.process else None)

    def drain(self, *, leave: bool) -> None:
        """Ask to own nothing any more; and go, once that is so."""
        self.world.note(f"{self.name} drains")
        self.draining = True
        self._leaves = leave

    def undrain(self) -> None:
        """Own again."""
        self.draining = self._leaves = False

    def _clock(self, process: int) -> None:
        if process != self.process or not self.up:
            return

        def tick() -> None:
            self._act(self.moves.ticked(self._now_ms, lease_over=self._lease.over))
            if self._leaves and self.moves.joined and not self.moves.held:
                self.world.note(f"{self.name} leaves")
                self.members.to_coordinator(self, partial(self.members.coordinator.leave, self.member.life))
                self.crash()

        self.when_process_awake(tick)
        self.world.clockwork.later(100, partial(self._clock, process))

    @property
    def _now_ms(self) -> int:
        return self.world.clockwork.now_ms

    # ── the session ──────────────────────────────────────────────────────────────────────────────────────────────

    def _join(self) -> None:
        self.member = self._as_member()
        heard = partial(self._heard, self.process, self.member.life, self._now_ms)
        self.members.to_coordinator(self, partial(self.members.coordinator.join, self, self.member, heard))
        self.world.clockwork.later(BEAT_MS, partial(self._beat, self.process, self.member.life))

    def _beat(self, process: int, life: str) -> None:
        if process != self.process or life != self.member.life or not self.up:
            return

        def send() -> None:
            announced = self._announced()
            heard = partial(self._heard, process, life, self._now_ms)
            self.members.to_coordinator(self, partial(self.members.coordinator.beat, self, announced, heard))

        self.when_process_awake(send)
        self.world.clockwork.later(BEAT_MS, partial(self._beat, process, life))

    def _announced(self) -> Member:
        return Member(
            name=self.name, life=self.member.life, address="", version="1", reads=1, draining=self.draining
        )  # fmt: skip

    def _heard(self, process: int, life: str, sent_ms: int, view: View) -> None:
        if process != self.process or life != self.member.life:
            return
        if view.joined:
            self._lease_until_ms = max(self._lease_until_ms, sent_ms + SESSION_MS)
        self.view_came(life, view)

    def view_came(self, life: str, view: View) -> None:
        """The coordinator says who is there; an older view than the last one is passed over."""
        if life != self.member.life or view.number < self._view.number or not self.up:
            return
        if view.joined and view.number == self._view.number:
            return
        self._view = view
        self._act(self.moves.viewed(view, self.member, self._now_ms))
        if not view.joined:
            self._lease_until_ms = 0
            self._join()

    # ── the moves ────────────────────────────────────────────────────────────────────────────────────────────────

    def asked_for(self, answered: Callable[[], None]) -> None:
        """Another node asks for the shard."""
        self._asked.append(answered)
        self._act(self.moves.asked_for(SHARD, self._now_ms))

    def _act(self, todo: list[MoveEffect]) -> None:
        for effect in todo:
            self.world.note(f"{self.name}     → {effect}")
            match effect:
                case to_do.Take(shards):
                    if SHARD in shards and not self.owns:
                        self._own()
                case to_do.AskFor(shard, member, number):
                    asked = self.members.node(member.name)
                    said = partial(self._said, self.process, shard, number)
                    self.members.between(partial(asked.when_process_awake, partial(asked.asked_for, said)))
                case to_do.LetGo(_, number):
                    self._letting_go = number
                    self.tell(self.life, messages.Release(moving=True))
                case to_do.Yield(_, on):
                    self.tell(self.life, messages.Yield(on))
                case to_do.ForgetAll():
                    self.forget()
                case to_do.Tell():
                    asked_by, self._asked = self._asked, []
                    for answered in asked_by:
                        self.members.between(answered)

    def _said(self, process: int, shard: int, number: int) -> None:
        if process == self.process:
            self.when_process_awake(
                lambda: self._act(self.moves.answered(shard, number, self._now_ms, released=True))
            )  # fmt: skip

    def _own(self) -> None:
        self._new_life()
        self.owns = True
        self.released = False
        self.machine = self.world.make_machine()
        self.store = self.world.make_store(self)
        self.tell(self.life, messages.Start())
        self._tick(self.life)

    def _new_life(self) -> None:
        self.life += 1
        self._busy = 0
        self._held.clear()
        self._arrived.clear()

    def forget(self) -> None:
        """Stop being the owner at once."""
        if self.members.variant.forgets:
            for ticket in sorted(self._taken):
                self._answer(ticket, LOST)
            self.owns = False
            self._letting_go = 0
            self._new_life()
        waiting = tuple(sorted(self._taken))
        self.world.history.entries.append(LossHeard(self._now_ms, self.owner, waiting))

    # ── the shard ────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def take(self, pending: Pending, hops: int = 0) -> None:
        if not self.up:
            return
        if self.owns and not self._letting_go:
            super().take(pending)
            return
        owner = self._view.joined and place(1, self._view.members, self._view.pins)[SHARD]
        if owner and owner != self.name and hops < 2:
            self.members.between(partial(self.members.node(owner).take, pending, hops + 1))
        else:
            self.world.answer(self.world.requests[self.world.ticket(pending.ticket)], Unavailable("moved"))

    @override
    def _resume(self, life: int) -> None:
        # What lay ready for the shard and what lay ready for the moves is done in either order, as threads would.
        if life == self.life and self.up and self.world.rng.random() < 0.5:
            self._paused = False
            self._work()
        super()._resume(life)

    @override
    def _work(self) -> None:
        super()._work()
        if self.released and self.owns and not self.members.ending:
            self._gone()

    def _gone(self) -> None:
        number, self._letting_go = self._letting_go, 0
        self.owns = False
        self._new_life()
        self._act(self.moves.let_go(SHARD, number, self._now_ms) if number else self.moves.fenced(SHARD, self._now_ms))

    @override
    def _record_taking(self, pending: Pending) -> None:
        super()._record_taking(pending)
        if isinstance(pending.ticket, int):
            self._taken.add(pending.ticket)

    @override
    def _do(self, effect: Effect) -> None:
        if isinstance(effect, effects.Acquire):
            if self.members.variant.lease_at_acquisition and self._lease.over:
                failed = partial(self.tell, self.life, messages.AcquireFailed("moved"), ends=True)
                self.world.clockwork.later(self.world.store_delay(), failed)
                return
            self.world.history.entries.append(Acquiring(self._now_ms, self.member.life))
        super()._do(effect)
        if isinstance(effect, effects.Commit) and self.world.happens(self.members.stands_still):
            # The worst moment: what becomes of the commit is heard when somebody else has taken over long ago.
            self.pause(self.world.rng.randint(SESSION_MS // 2, 3 * SESSION_MS))

    @override
    def _reply(self, effect: effects.Reply) -> None:
        entries = effect.answers
        if self.members.variant.lease_at_reply:
            entries = self._lease.allowed(entries)
        for ticket, answer in entries:
            self._answer(self.world.ticket(ticket), answer)

    def _answer(self, ticket: int, answer: object) -> None:
        world = self.world
        self._taken.discard(ticket)
        request = world.requests[ticket]
        erased = world.keys.is_erased(*request.person)
        world.history.entries.append(
            Answering(self._now_ms, self.owner, ticket, answer, world.journal.head(SHARD), erased)  # type: ignore[arg-type]
        )
        world.answer(request, answer)  # type: ignore[arg-type]
