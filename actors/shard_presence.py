"""A shard as it comes to this process and leaves it: claimed, released in order, forgotten at once, stopped.

Its mailbox stays the same throughout. It takes commands from the moment the shard is ours, before anybody serves it,
and refuses them from the moment it is to leave; whoever is left behind at an end is told so.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, cast

from kinelog.actors.answers import Unavailable
from kinelog.actors.counts import COUNTED
from kinelog.actors.effect_runner import EffectRunner
from kinelog.actors.errors import ActorsError, NotOwnerError, StoppingError
from kinelog.actors.mailbox import Mailbox
from kinelog.actors.messages import Pending, Release, Yield
from kinelog.actors.settings import RegionSettings
from kinelog.actors.shard_life import Life, ShardStatus
from kinelog.actors.shard_machine import ShardMachine
from kinelog.actors.surroundings import Surroundings
from kinelog.actors.tickets import Ticket, deliver


class Departed(NamedTuple):
    """What a machine left behind: itself, the commands that it had not taken in, and who waits for its end."""

    runner: EffectRunner | None
    waiting: list[Pending]
    when_left: list[Callable[[], None]]


class ShardPresence(ABC):
    """Whether a shard is ours, and the machine that serves it now. Thread-safe."""

    def __init__(
        self,
        shard: int,
        around: Surroundings,
        settings: RegionSettings,
        settled: Callable[[ShardPresence], None],
        queued: Callable[[ShardPresence], None],
    ) -> None:
        """Make a shard that is not ours yet.

        Args:
            shard: Its number.
            around: What all shards share.
            settings: Bounds.
            settled: Called when an acquisition ended, well or not.
            queued: Called when the shard, given away and wanted again meanwhile, waits for its turn.
        """
        self.shard = shard
        self.restarts = 0
        self.moves = 0
        self.released = threading.Event()
        self.mailbox = Mailbox(shard, settings.mailbox_commands, settings.mailbox_bytes)
        self._around = around
        self._settled = settled
        self._queued = queued
        self._lock = threading.Lock()
        self._life = Life.AWAY
        self._runner: EffectRunner | None = None
        self._earlier: dict[str, float] = {}
        self._waits_to_settle = False
        self._wanted = False
        self._when_left: list[Callable[[], None]] = []
        self._when_fenced: Callable[[], None] | None = None
        self.released.set()
        self.mailbox.refuse(self._refusal(Life.AWAY))

    @abstractmethod
    def start(self) -> bool:
        """Start a machine and let it acquire the shard; False if there is nothing to start."""

    @abstractmethod
    def _wake(self) -> None:
        """Have the shard served."""

    @property
    def machine(self) -> ShardMachine | None:
        """The machine that runs at the moment; look, do not touch."""
        runner = self._runner
        return None if runner is None else runner.machine

    @property
    def assigned(self) -> bool:
        """Whether the shard is this process's to serve."""
        return self._life in {Life.QUEUED, Life.RUNNING, Life.DOWN}

    @property
    def serving(self) -> bool:
        """Whether commands are decided and answered."""
        machine = self.machine
        return self._life is Life.RUNNING and machine is not None and machine.serving

    def status(self) -> ShardStatus:
        """What there is to be said of it now."""
        machine = self.machine
        return ShardStatus(
            shard=self.shard,
            assigned=self.assigned,
            phase=(machine.phase.name if self._life is Life.RUNNING and machine else self._life.name).lower(),
            epoch=0 if machine is None else machine.epoch,
            head=0 if machine is None else machine.head,
            mailbox=self.mailbox.depth,
            residents=0 if machine is None else len(machine.residents),
            restarts=self.restarts,
            moves=self.moves,
        )

    def total(self, name: str) -> float:
        """One of the machine's counts, over all restarts and moves."""
        with self._lock:  # a machine's counts go over into the earlier ones when it ends: neither twice nor not at all
            machine = self.machine
            return self._earlier.get(name, 0) + (0 if machine is None else machine.counts.get(name))

    def claim(self) -> bool:
        """The shard is ours from here on, and takes commands; whether it is to be queued for its acquisition now."""
        with self._lock:
            self._wanted = self._life is Life.LEAVING
            if self._life is not Life.AWAY:
                return False
            self._queue()
            return True

    def release(self, done: Callable[[], None] | None = None, *, moving: bool = True) -> None:
        """Let go in order: no new commands, the commit in flight finished, snapshots.

        Args:
            done: Called once, on any thread, when nothing of the shard is under way here any more.
            moving: Whether another owner waits, so that what is in no commit yet is handed back; else all of it is
                served first.
        """
        with self._lock:
            self._wanted = False
            if self._life in {Life.RUNNING, Life.LEAVING}:
                departed = None
                self._life = Life.LEAVING
                if done is not None:
                    self._when_left.append(done)
                self.mailbox.refuse(self._refusal(Life.AWAY if moving else Life.STOPPED))
                wake = self.mailbox.post(Release(moving))
            else:
                departed = self._depart(Life.AWAY)
                wake = False
        if wake:
            self._wake()
        if departed is not None:
            self._turn_away(departed, "moved" if moving else "stopping", "outcome-unknown")
            if done is not None:
                done()

    def yield_to(self, left: Callable[[], None] | None) -> None:
        """Serve on until asked, but leave if fenced, and call `left` then; None takes that back."""
        with self._lock:
            self._when_fenced = left
            runs = self._life is Life.RUNNING and self.mailbox.post(Yield(left is not None))
        if runs:
            self._wake()

    def forget(self) -> None:
        """Stop at once, without snapshots: who was taken in hears that we do not know, the others that it moved."""
        with self._lock:
            self._wanted = False
            departed = self._depart(Life.AWAY)
        self._turn_away(departed, "moved", "lost")

    def stop(self) -> None:
        """Serve no more, and tell whoever still waits that nobody will serve them here."""
        with self._lock:
            departed = self._depart(Life.STOPPED)
        self._turn_away(departed, "stopping", "outcome-unknown")

    def _left(self, runner: EffectRunner) -> None:
        """The machine let go of the shard."""
        with self._lock:
            if runner is not self._runner:
                return
            left, self._when_left = self._when_left, []
            fenced, self._when_fenced = self._when_fenced, None
            unasked = self._life is Life.RUNNING
            # Unasked, and nobody to be told: that it goes elsewhere was taken back in this moment, so it stays ours.
            again = self._wanted or (unasked and fenced is None)
            self._wanted = False
            departed = self._depart(Life.AWAY)
            if again:
                self._queue()
        self._turn_away(departed, "moved", "outcome-unknown")
        if unasked and fenced is not None:
            fenced()
        for done in left:
            self._around.after_snapshots(done)
        if again:
            self._queued(self)

    def _queue(self) -> None:
        self._life = Life.QUEUED
        self.moves += 1
        self.released.clear()
        self.mailbox.refuse(None)

    def _depart(self, then: Life) -> Departed:
        """Have no machine any more; call with the lock."""
        runner, self._runner = self._runner, None
        if runner is not None:
            counts = runner.machine.counts
            self._earlier = {name: self._earlier.get(name, 0) + counts.get(name) for name in COUNTED}
        if self._life is not Life.STOPPED:
            self._life = then
        if self._life is not Life.DOWN:
            self._when_fenced = None
            self.mailbox.refuse(self._refusal(self._life))
        left, self._when_left = self._when_left, []
        return Departed(runner, self.mailbox.close(), left)

    def _turn_away(self, departed: Departed, waiting: str, taken: str) -> None:
        """Answer who is left behind: those who only waited, and those whose command may be on its way to the log."""
        self._deliver([cast("Ticket", pending.ticket) for pending in departed.waiting], waiting)
        if departed.runner is not None:
            self._deliver(departed.runner.take_unanswered(), taken)
        if self._waits_to_settle:
            self._waits_to_settle = False
            self._settled(self)
        if not self.assigned:
            self.released.set()
        for done in departed.when_left:
            done()

    def _deliver(self, tickets: list[Ticket], reason: str) -> None:
        self.mailbox.answered(len(tickets), sum(ticket.size for ticket in tickets))
        deliver((ticket, Unavailable(reason)) for ticket in tickets)

    def _refusal(self, life: Life) -> Callable[[], ActorsError]:
        if life is Life.STOPPED:
            return lambda: StoppingError(f"shard {self.shard} takes no more commands")
        return lambda: NotOwnerError(self.shard)
