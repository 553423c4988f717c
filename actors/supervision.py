"""Supervision of a shard, which pykka does not have: a crash answers everybody and is followed by a restart.

A restart begins from nothing but the log: a new machine, a new epoch. What was in flight when the old one crashed is
answered "unavailable", whatever became of it; who sends it again finds out, since frames and commands are idempotent.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from enum import Enum, auto
from typing import cast

from kinelog.actors.answers import Unavailable
from kinelog.actors.backoff import backoff_ms
from kinelog.actors.counts import COUNTED
from kinelog.actors.effect_runner import EffectRunner
from kinelog.actors.mailbox import Mailbox
from kinelog.actors.messages import Pending, Release, Start, Ticked
from kinelog.actors.settings import RegionSettings
from kinelog.actors.shard_actor import ShardHost
from kinelog.actors.shard_machine import ShardMachine
from kinelog.actors.surroundings import Surroundings
from kinelog.actors.tickets import Ticket, deliver

_LOG = logging.getLogger(__name__)


class Life(Enum):
    """What a supervised shard is doing."""

    IDLE = auto()
    RUNNING = auto()
    DOWN = auto()
    STOPPED = auto()


class SupervisedShard:
    """A shard's mailbox, which outlives crashes, and the machine that serves it at the moment. Thread-safe."""

    def __init__(
        self,
        make_machine: Callable[[], ShardMachine],
        shard: int,
        around: Surroundings,
        settings: RegionSettings,
        host: ShardHost,
        settled: Callable[[], None],
    ) -> None:
        """Make a shard that nobody serves yet; `settled` is called when a first acquisition ended, well or not."""
        self.shard = shard
        self.restarts = 0
        self.released = threading.Event()
        self.mailbox = Mailbox(shard, settings.mailbox_commands, settings.mailbox_bytes)
        self._make_machine = make_machine
        self._around = around
        self._settings = settings
        self._host = host
        self._settled = settled
        self._lock = threading.Lock()
        self._life = Life.IDLE
        self._runner: EffectRunner | None = None
        self._crashes = 0
        self._started_ms = 0
        self._restart_ms = 0
        self._earlier: dict[str, int] = {}
        self._waits_to_settle = False
        self._releasing = False

    @property
    def machine(self) -> ShardMachine | None:
        """The machine that runs at the moment; look, do not touch."""
        runner = self._runner
        return None if runner is None else runner.machine

    def total(self, name: str) -> int:
        """One of the machine's counts, over all restarts."""
        machine = self.machine
        return self._earlier.get(name, 0) + (0 if machine is None else machine.counts.get(name))

    def start(self) -> None:
        """Start a machine and let it acquire the shard."""
        with self._lock:
            if self._life in {Life.IDLE, Life.DOWN}:
                self._waits_to_settle = self._life is Life.IDLE
                self._start_machine()

    def submit(self, pending: Pending, size: int, wake_soon: Callable[[Callable[[], None]], None] | None) -> None:
        """Put a command into the mailbox.

        Args:
            pending: The command, and whom to answer.
            size: What it counts against the mailbox's bound, in bytes.
            wake_soon: Wakes the shard later, in a batch with others; None wakes it now.

        Raises:
            MailboxFullError: Too much is unanswered.
            StoppingError: The shard is gone for good.
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
        if self._life is Life.DOWN:
            if self._around.clock() >= self._restart_ms:
                self.start()
        elif self._life is Life.RUNNING and self.mailbox.post(Ticked()):
            self._wake()

    def release(self) -> None:
        """Ask for an orderly end; `released` is set when it is reached."""
        with self._lock:
            self._releasing = True
            if self._life is not Life.RUNNING:
                self._life = Life.STOPPED
        if self._life is Life.STOPPED:
            self._close(None, "stopping", for_good=True)
            self.released.set()
        elif self.mailbox.post(Release()):
            self._wake()

    def stop(self) -> None:
        """Serve no more, and tell whoever still waits that nobody will serve them here."""
        with self._lock:
            self._life = Life.STOPPED
        self._close(self._runner, "stopping", for_good=True)

    def _start_machine(self) -> None:
        if self._runner is not None:
            self._earlier = {name: self.total(name) for name in COUNTED}
        machine = self._make_machine()
        runner = EffectRunner(machine, self.mailbox, self._around, self._host.outbox, self._wake)
        self._runner = runner
        self._started_ms = self._around.clock()
        self._life = Life.RUNNING
        self.mailbox.post(Start())
        if self.mailbox.open(runner):
            self._wake()

    def serve(self) -> bool:
        """Take what came in and run the machine; whether there may be more. Called by the host's thread only."""
        runner = self._runner
        incoming, commands = self.mailbox.take()
        if runner is None or not (incoming or commands):
            return False
        try:
            runner.run(incoming, commands)
            self._looked(runner)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other shards of this thread go on
            self._crashed(runner, error)
            return False
        return True

    def _wake(self) -> None:
        self._host.wake(self)

    def _looked(self, runner: EffectRunner) -> None:
        if self._waits_to_settle and (runner.machine.serving or runner.machine.backing_off):
            self._waits_to_settle = False
            self._settled()
        if runner.released:
            self.released.set()

    def _crashed(self, runner: EffectRunner, error: BaseException | None) -> None:
        _LOG.error("shard %d crashed: %r", self.shard, error)
        # Before anybody can see that the shard is down: a restart opens the mailbox, and this must not close it again.
        self._close(runner, "restarting", for_good=False)
        with self._lock:
            stopped = self._releasing or self._life is Life.STOPPED
            self._schedule_restart()
            self._life = Life.STOPPED if stopped else Life.DOWN
        if stopped:
            self._close(runner, "stopping", for_good=True)
        if self._waits_to_settle:
            self._waits_to_settle = False
            self._settled()
        if stopped:
            self.released.set()

    def _schedule_restart(self) -> None:
        settings, now_ms = self._settings, self._around.clock()
        if now_ms - self._started_ms >= settings.restart_limit_ms:
            self._crashes = 0
        wait = backoff_ms(self._crashes, settings.restart_ms, settings.restart_limit_ms, os.urandom(1))
        self._crashes += 1
        self.restarts += 1
        self._restart_ms = now_ms + wait

    def _close(self, runner: EffectRunner | None, reason: str, *, for_good: bool) -> None:
        tickets: list[Ticket] = [cast("Ticket", pending.ticket) for pending in self.mailbox.close(for_good=for_good)]
        size = sum(ticket.size for ticket in tickets)
        if runner is not None:
            taken = runner.take_unanswered()
            tickets += taken
            size += sum(ticket.size for ticket in taken)
        self.mailbox.answered(len(tickets), size)
        deliver((ticket, Unavailable(reason)) for ticket in tickets)
