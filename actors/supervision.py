"""Supervision of a shard, which pykka does not have: it comes and goes, and a crash is followed by a restart.

A restart begins from nothing but the log: a new machine, a new epoch. Whoever was taken in when the old one crashed is
told that nobody knows; who sends it again finds out, since frames and commands are idempotent.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import NamedTuple, cast

from kinelog.actors.answers import Unavailable
from kinelog.actors.backoff import backoff_ms
from kinelog.actors.counts import COUNTED
from kinelog.actors.effect_runner import EffectRunner
from kinelog.actors.errors import ActorsError, NotOwnerError, StoppingError
from kinelog.actors.mailbox import Mailbox
from kinelog.actors.messages import Pending, Release, Start, Ticked, Yield
from kinelog.actors.settings import RegionSettings
from kinelog.actors.shard_actor import ShardHost
from kinelog.actors.shard_life import Life, ShardStatus
from kinelog.actors.shard_machine import ShardMachine
from kinelog.actors.surroundings import Surroundings
from kinelog.actors.tickets import Ticket, deliver

_LOG = logging.getLogger(__name__)


class Departed(NamedTuple):
    """What a machine left behind: itself, the commands that it had not taken in, and who waits for its end."""

    runner: EffectRunner | None
    waiting: list[Pending]
    when_left: list[Callable[[], None]]


class SupervisedShard:
    """A shard's mailbox, which outlives crashes and moves, and the machine that serves it now. Thread-safe."""

    def __init__(
        self,
        make_machine: Callable[[], ShardMachine],
        shard: int,
        around: Surroundings,
        settings: RegionSettings,
        host: ShardHost,
        settled: Callable[[SupervisedShard], None],
        queued: Callable[[SupervisedShard], None],
    ) -> None:
        """Make a shard that is not ours yet.

        Args:
            make_machine: Makes a machine that knows nothing.
            shard: Its number.
            around: What all shards share.
            settings: Bounds.
            host: Whose thread serves it.
            settled: Called when an acquisition ended, well or not.
            queued: Called when the shard, given away and wanted again meanwhile, waits for its turn.
        """
        self.shard = shard
        self.restarts = 0
        self.moves = 0
        self.released = threading.Event()
        self.mailbox = Mailbox(shard, settings.mailbox_commands, settings.mailbox_bytes)
        self._make_machine = make_machine
        self._around = around
        self._settings = settings
        self._host = host
        self._settled = settled
        self._queued = queued
        self._lock = threading.Lock()
        self._life = Life.AWAY
        self._runner: EffectRunner | None = None
        self._crashes = 0
        self._started_ms = 0
        self._restart_ms = 0
        self._earlier: dict[str, int] = {}
        self._waits_to_settle = False
        self._wanted = False
        self._when_left: list[Callable[[], None]] = []
        self._when_fenced: Callable[[], None] | None = None
        self.released.set()
        self.mailbox.refuse(self._refusal(Life.AWAY))

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

    def total(self, name: str) -> int:
        """One of the machine's counts, over all restarts and moves."""
        with self._lock:  # a machine's counts go over into the earlier ones when it ends: neither twice nor not at all
            machine = self.machine
            return self._earlier.get(name, 0) + (0 if machine is None else machine.counts.get(name))

    # ── coming and going ─────────────────────────────────────────────────────────────────────────────────────────

    def claim(self) -> bool:
        """The shard is ours from here on, and takes commands; whether it is to be queued for its acquisition now."""
        with self._lock:
            self._wanted = self._life is Life.LEAVING
            if self._life is not Life.AWAY:
                return False
            self._queue()
            return True

    def start(self) -> bool:
        """Start a machine and let it acquire the shard; False if there is nothing to start."""
        with self._lock:
            if self._life not in {Life.QUEUED, Life.DOWN}:
                return False
            self._waits_to_settle = self._waits_to_settle or self._life is Life.QUEUED
            self._life = Life.RUNNING
            runner = EffectRunner(self._make_machine(), self.mailbox, self._around, self._host.outbox, self._wake)
            self._runner = runner
            self._started_ms = self._around.clock()
            self.mailbox.post(Start())
            if self._when_fenced is not None:
                self.mailbox.post(Yield(on=True))
            wake = self.mailbox.open(runner)
        if wake:
            self._wake()
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
            if self._life is Life.RUNNING and self._when_fenced is not None:
                left.append(self._when_fenced)
            self._when_fenced = None
            departed = self._depart(Life.AWAY)
            again, self._wanted = self._wanted, False
            if again:
                self._queue()
        self._turn_away(departed, "moved", "outcome-unknown")
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

    # ── serving ──────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, pending: Pending, size: int, wake_soon: Callable[[Callable[[], None]], None] | None) -> None:
        """Put a command into the mailbox.

        Args:
            pending: The command, and whom to answer.
            size: What it counts against the mailbox's bound, in bytes.
            wake_soon: Wakes the shard later, in a batch with others; None wakes it now.

        Raises:
            MailboxFullError: Too much is unanswered.
            NotOwnerError: The shard is not ours.
            StoppingError: The process goes away.
        """
        if self._life is Life.DOWN:
            deliver([(cast("Ticket", pending.ticket), Unavailable("restarting"))])
        elif self.mailbox.put(pending, size):
            if wake_soon is None:
                self._wake()
            else:
                wake_soon(self._wake)

    def tick(self) -> None:
        """Let time go by: for the machine, or for a restart that is due."""
        life = self._life
        if life is Life.DOWN:
            if self._around.clock() >= self._restart_ms:
                self.start()
        elif life in {Life.RUNNING, Life.LEAVING} and self.mailbox.post(Ticked()):
            self._wake()

    def serve(self) -> bool:
        """Take what came in and run the machine; whether there may be more. Called by the host's thread only."""
        runner = self._runner
        if runner is None:
            return False
        incoming, commands = self.mailbox.take(runner)
        if not (incoming or commands):
            return False
        try:
            runner.run(incoming, commands)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other shards of this thread go on
            self._crashed(runner, error)
            return False
        if runner is not self._runner:
            # Forgotten since: who was on the way into the machine just then was missed when the others were told.
            self._deliver(runner.take_unanswered(), "lost")
            return False
        self._looked(runner)
        return True

    def _wake(self) -> None:
        self._host.wake(self)

    def _looked(self, runner: EffectRunner) -> None:
        if self._waits_to_settle and (runner.machine.serving or runner.machine.backing_off):
            self._waits_to_settle = False
            self._settled(self)
        if runner.released:
            self._left(runner)

    def _crashed(self, runner: EffectRunner, error: BaseException) -> None:
        _LOG.error("shard %d crashed: %r", self.shard, error)
        with self._lock:
            if runner is self._runner:
                leaving = self._life is not Life.RUNNING
                self._schedule_restart()
                departed = self._depart(Life.AWAY if leaving else Life.DOWN)
            else:
                leaving, departed = False, Departed(runner, [], [])
            again = leaving and self._wanted
            if again:
                self._wanted = False
                self._queue()
        self._turn_away(departed, "moved" if leaving else "restarting", "outcome-unknown")
        if again:
            self._queued(self)

    def _schedule_restart(self) -> None:
        settings, now_ms = self._settings, self._around.clock()
        if now_ms - self._started_ms >= settings.restart_limit_ms:
            self._crashes = 0
        wait = backoff_ms(self._crashes, settings.restart_ms, settings.restart_limit_ms, os.urandom(1))
        self._crashes += 1
        self.restarts += 1
        self._restart_ms = now_ms + wait
