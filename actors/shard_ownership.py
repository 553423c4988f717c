"""How a shard's machine comes to own its shard, loses it, waits, comes back, and lets go.

An owner that was fenced off forgets everything it knew about the shard: somebody else may have written since. While it
waits for another try nobody waits with it; whoever asks is told to come back.
"""

from __future__ import annotations

from kinelog.actors import effects, messages
from kinelog.actors.answers import Unavailable
from kinelog.actors.backoff import backoff_ms
from kinelog.actors.draft import Draft
from kinelog.actors.open_sessions import OpenSessions
from kinelog.actors.phase import SERVING, Phase
from kinelog.actors.shard_memory import ShardMemory
from kinelog.domain.identifiers import Person


class ShardOwnership(ShardMemory):
    """Acquisition, restoration, back-off, unfinished erasures, release."""

    @property
    def serving(self) -> bool:
        """Whether the shard is owned, as far as this machine knows, and commands are decided."""
        return self.phase in SERVING

    @property
    def epoch(self) -> int:
        """The epoch that was acquired last, 0 before the first."""
        return self._epoch

    @property
    def head(self) -> int:
        """The log's last position, as far as this machine knows."""
        return self._head

    @property
    def backing_off(self) -> bool:
        """Whether the machine waits before it tries something again."""
        return self.phase is Phase.BACKING_OFF

    def _on_start(self, _message: messages.Start) -> None:
        if self.phase is Phase.NEW:
            self._acquire()

    def _acquire(self) -> None:
        self.phase = Phase.ACQUIRING
        self._effects.append(effects.Acquire())

    def _on_acquire_failed(self, message: messages.AcquireFailed) -> None:
        if self.phase is Phase.TAKING_NEW_EPOCH:
            self._doubt()
        else:
            self._lose(message.reason)

    def _restore(self) -> None:
        self.phase = Phase.RESTORING
        self._effects.append(effects.Restore(self._head))

    def _reread(self) -> None:
        """Somebody else wrote: read everything again, and let those who wait wait for that."""
        self.residents.clear()
        self._queue.extendleft(reversed(self._waiting.clear()))
        self._restore()

    def _on_restored(self, message: messages.Restored) -> None:
        self._open = OpenSessions(message.sessions)
        self._shard_snapshot = message.snapshot_position
        self._failures = 0
        if self._moving:
            # Without a snapshot: erasures that a crash left unfinished must stay behind the newest one.
            self._released()
        elif message.erased:
            # A crash between the commit of an erasure and the destruction of the key is mended here.
            self._forget(message.erased)
        else:
            self._proceed()

    def _on_restore_failed(self, _message: messages.RestoreFailed) -> None:
        self._lose("store-unavailable")

    def _on_fenced(self, _message: messages.Fenced) -> None:
        if self._yields:
            # The one for whom the shard was kept has taken it: to acquire it again would only fence that one off.
            self._stopping = self._moving = True
        self._lose("fenced")

    def _on_yield(self, message: messages.Yield) -> None:
        self._yields = message.on

    def _lose(self, reason: str) -> None:
        """Forget the shard: answer everybody, keep nothing, come back later."""
        draft, self._draft = self._draft, None
        if draft is not None and not draft.answered:
            self._turn_away(draft.commands, reason)
        self._forget_states()
        self._back_off(Phase.ACQUIRING, reason)

    def _forget_states(self) -> None:
        self.residents.clear()
        self._open = OpenSessions()

    def _back_off(self, then: Phase, reason: str) -> None:
        # Nobody waits for a store that may be away for long: better told to come back, now and while it lasts.
        self._turn_away(self._waiting.clear(), reason)
        self._turn_away([pending for pending, _ in self._settled], reason)
        self._turn_away(list(self._queue), reason)
        self._settled.clear()
        self._queue.clear()
        self._unavailable = reason
        if self._moving or (self._stopping and then is Phase.ACQUIRING):
            self._give_up()
            return
        wait = backoff_ms(self._failures, self._settings.backoff_ms, self._settings.backoff_limit_ms, self._entropy)
        self._failures += 1
        self._retry = (self._now_ms + wait, then)
        self.phase = Phase.BACKING_OFF

    def _try_again(self) -> None:
        if self._retry is None or self._now_ms < self._retry[0]:
            return
        self.phase = self._retry[1]
        self._retry = None
        if self.phase is Phase.FORGETTING:
            self._effects.append(effects.Forget(self._forgetting))
        else:
            self._effects.append(effects.Acquire())

    def _forget(self, people: tuple[Person, ...]) -> None:
        self._forgetting = people
        self.phase = Phase.FORGETTING
        self._effects.append(effects.Forget(people))

    def _on_forgotten(self, _message: messages.Forgotten) -> None:
        self._forgetting = ()
        self._failures = 0
        self._reply(self._to_forget)
        self._to_forget = []
        self._proceed()

    def _on_forget_failed(self, _message: messages.ForgetFailed) -> None:
        self._back_off(Phase.FORGETTING, "store-unavailable")

    def _proceed(self) -> None:
        """Go on with the next drain, or first with what must come before it."""
        if self._stale:
            self._stale = False
            self._reread()
            return
        self.phase = Phase.READY
        if self._head - self._shard_snapshot >= self._settings.shard_snapshot_every:
            self._save_shard_snapshot()
        surplus = len(self.residents) - self._settings.resident_entities
        if surplus > max(16, self._settings.resident_entities // 16):
            self._passivate()

    def _on_outcome_unknown(self, _message: messages.OutcomeUnknown) -> None:
        if self._moving:
            # Who was told to let go acquires nothing any more: the next owner's epoch fences this commit off.
            self._doubt()
            return
        # Whoever acquires next fences the commit off, wherever it is on its way: only after that a "no" is final.
        self.phase = Phase.TAKING_NEW_EPOCH
        self._effects.append(effects.Acquire())

    def _on_judge_failed(self, _message: messages.JudgeFailed) -> None:
        self._doubt()

    def _doubt(self) -> None:
        """Tell those who wait that nobody knows, once; what they sent is judged all the same, later."""
        draft = self._in_flight()
        if not draft.answered:
            draft.answered = True
            self._turn_away([pending for pending in draft.commands if pending.ticket is not None], "outcome-unknown")
        self._back_off(Phase.TAKING_NEW_EPOCH, "store-unavailable")

    def _in_flight(self) -> Draft:
        draft = self._draft
        if draft is None:
            message = f"shard {self.shard}: nothing is in flight in phase {self.phase.name}"
            raise AssertionError(message)
        return draft

    def _on_release(self, message: messages.Release) -> None:
        if self.phase is Phase.RELEASED:
            return
        self._stopping = True
        self._moving = self._moving or message.moving
        if self.phase is Phase.GATHERING:
            self.phase = Phase.READY
        if self._moving:
            self._hand_back()
        waits = self.phase is Phase.BACKING_OFF and (self._moving or self._retry_leads_to(Phase.ACQUIRING))
        if self.phase is Phase.NEW or waits:
            self._turn_away(list(self._queue), "stopping")
            self._queue.clear()
            self._give_up()

    def _hand_back(self) -> None:
        """Give back, as `moved`, every command that is in no commit."""
        undecided = self._waiting.clear()
        undecided += [pending for pending, _ in self._settled]
        undecided += self._queue
        self._settled.clear()
        self._queue.clear()
        self._turn_away(undecided, "moved")

    def _give_up(self) -> None:
        """Let go without what would have come next: the next owner finds it in the log and does it."""
        unsure, self._to_forget = self._to_forget, []
        self._reply([(ticket, Unavailable("outcome-unknown")) for ticket, _ in unsure])
        self._released()

    def _retry_leads_to(self, phase: Phase) -> bool:
        return self._retry is not None and self._retry[1] is phase

    def _let_go(self) -> None:
        if self._head > self._shard_snapshot:
            self._save_shard_snapshot()
        self._save_behind()
        self._released()

    def _released(self) -> None:
        self.phase = Phase.RELEASED
        self._effects.append(effects.Released())
