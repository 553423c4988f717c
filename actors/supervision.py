"""Supervision of a shard, which pykka does not have: a crash answers everybody and is followed by a restart.

A restart begins from nothing but the log: a new machine, a new epoch. Whoever was taken in when the old one crashed is
told that nobody knows; who sends it again finds out, since frames and commands are idempotent.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import cast

from kinelog.actors.answers import Unavailable
from kinelog.actors.backoff import backoff_ms
from kinelog.actors.effect_runner import EffectRunner
from kinelog.actors.messages import Pending, Start, Ticked, Yield
from kinelog.actors.settings import RegionSettings
from kinelog.actors.shard_actor import ShardHost
from kinelog.actors.shard_life import Life
from kinelog.actors.shard_machine import ShardMachine
from kinelog.actors.shard_presence import Departed, ShardPresence
from kinelog.actors.surroundings import Surroundings
from kinelog.actors.tickets import Ticket, deliver
from kinelog.observability.json_logs import of_shard
from typing_extensions import override

_LOG = logging.getLogger(__name__)


class SupervisedShard(ShardPresence):
    """A shard's mailbox, which outlives crashes and moves, and whatever serves it at the moment. Thread-safe."""

    def __init__(
        self,
        make_machine: Callable[[], ShardMachine],
        shard: int,
        around: Surroundings,
        settings: RegionSettings,
        host: ShardHost,
        settled: Callable[[ShardPresence], None],
        queued: Callable[[ShardPresence], None],
    ) -> None:
        """Make a shard that is not ours yet; see `ShardPresence`.

        Args:
            make_machine: Makes a machine that knows nothing.
            shard: Its number.
            around: What all shards share.
            settings: Bounds.
            host: Whose thread serves it.
            settled: Called when an acquisition ended, well or not.
            queued: Called when the shard waits for its turn again.
        """
        super().__init__(shard, around, settings, settled, queued)
        self._make_machine = make_machine
        self._settings = settings
        self._host = host
        self._crashes = 0
        self._started_ms = 0
        self._restart_ms = 0

    @override
    def start(self) -> bool:
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

    @override
    def _wake(self) -> None:
        self._host.wake(self)

    def _looked(self, runner: EffectRunner) -> None:
        if self._waits_to_settle and (runner.machine.serving or runner.machine.backing_off):
            self._waits_to_settle = False
            self._settled(self)
        if runner.released:
            self._left(runner)

    def _crashed(self, runner: EffectRunner, error: BaseException) -> None:
        _LOG.error("shard %d crashed: %r", self.shard, error, extra=of_shard(self.shard, runner.machine.epoch))
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
