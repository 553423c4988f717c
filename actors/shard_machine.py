"""The logic of a shard as a pure machine: messages in, effects out. No thread, no clock, no I/O, no randomness.

The order of things is the point of this file:

1. Commands are decided against a *draft* that has evolved through this drain, else a frame that comes twice in one
   drain is stored twice.
2. All events of a drain go into one commit. Only after it the draft becomes the state, and only then is anybody
   answered, duplicates and refusals included: they speak of what that commit stored.
3. A commit with an unknown outcome is neither acknowledged nor tried again. A new epoch is taken, which makes a commit
   that is still on its way fail for ever; then the commit is judged by its id.
4. A drain that stores nothing still needs proof that the shard is ours before it is answered.
5. An owner that was fenced off forgets everything it knew about the shard: somebody else may have written since.
"""

from __future__ import annotations

from typing import ClassVar

from kinelog.actors import effects, messages
from kinelog.actors.answers import Accepted, Answer, LogPosition, Refused, Unavailable
from kinelog.actors.draft import Draft, DraftStates
from kinelog.actors.effects import Effect
from kinelog.actors.messages import Message, Pending
from kinelog.actors.phase import Phase
from kinelog.actors.shard_gathering import ShardGathering
from kinelog.actors.shard_memory import ERASED
from kinelog.domain.errors import Rejection


class ShardMachine(ShardGathering):
    """One shard: one drain in flight, and the way back from every failure of its commit."""

    def step(self, message: Message, now_ms: int, entropy: bytes) -> list[Effect]:
        """Take one message in.

        Args:
            message: What happened.
            now_ms: The clock, Unix ms.
            entropy: 16 fresh random bytes: the id of a commit, if this step makes one, and jitter for waits.

        Returns:
            What is to be done, in this order.
        """
        self._now_ms = now_ms
        self._entropy = entropy
        self._effects = []
        getattr(self, self._HANDLERS[type(message)])(message)
        if self.phase is Phase.READY:
            self._drain()
        return self._effects

    def _on_submitted(self, message: messages.Submitted) -> None:
        if self._stopping or self.phase is Phase.RELEASED:
            self._turn_away(message.commands, "moved" if self._moving else "stopping")
        elif self.phase is Phase.BACKING_OFF:
            self._turn_away(message.commands, self._unavailable)
        else:
            self._queue.extend(message.commands)
            if self.phase is Phase.GATHERING and self._gathering.enough(len(self._queue)):
                self._gathered()

    def _drain(self) -> None:
        draft = Draft(self._epoch, self._head, self._entropy)
        states = DraftStates(draft, self.residents)
        draft.settled.extend(self._settled)
        draft.commands.extend(pending for pending, _ in self._settled)
        self._settled.clear()
        queue = self._queue
        while queue and len(draft.commands) < self._command_cap and draft.bytes < self._settings.commit_bytes:
            self._take(queue.popleft(), draft, states)
        self._recover_more()
        if draft.commands:
            self._draft = draft
            self._finish(draft)
        elif self._stopping and not self._queue and not self._waiting:
            self._let_go()

    def _take(self, pending: Pending, draft: Draft, states: DraftStates) -> None:
        person = pending.person
        if person in self._waiting:
            self._park(pending)
            return
        if person in draft.erased:
            self._settle(draft, pending, ERASED)
            return
        try:
            needed = self._rules.needs(person, pending.command, states)
            missing = [entity for entity in needed if entity not in states]
            if missing:
                for entity in missing:
                    self._waiting.want(person, entity)
                self._park(pending)
                return
            decision = self._rules.decide(person, pending.command, self._deciding(states), self._limits)
            if isinstance(decision, Rejection):
                self._settle(draft, pending, Refused(decision))
            else:
                draft.accept(pending, decision, self.residents, self._rules)
                draft.commands.append(pending)
        except Exception as error:  # noqa: BLE001 - a defect met by one person's command must not stop everybody's shard
            self._effects.append(effects.ReportDefect(person, type(pending.command).__name__, error))
            self._settle(draft, pending, Unavailable("defect", 60.0))
            return
        for entity in needed:
            self.residents.touch(entity, self._now_ms)

    def _settle(self, draft: Draft, pending: Pending, answer: Answer) -> None:
        draft.commands.append(pending)
        draft.settled.append((pending, answer))

    def _deciding(self, states: DraftStates) -> DraftStates:
        return states

    def _park(self, pending: Pending) -> None:
        if not self._waiting.park(pending):
            self._turn_away([pending], "busy")

    def _finish(self, draft: Draft) -> None:
        self.counts.drains += 1
        if draft.events:
            self._commit(draft)
        else:
            self._prove(draft)

    def _commit(self, draft: Draft) -> None:
        self.phase = Phase.COMMITTING
        self._sent_ms = self._now_ms
        self._effects.append(effects.Commit(draft.epoch, draft.after, draft.commit_id, draft.events, draft.commands))

    def _prove(self, draft: Draft) -> None:
        self.phase = Phase.PROVING
        self._effects.append(effects.ProveOwnership(draft.epoch))

    def _on_committed(self, message: messages.Committed) -> None:
        self._failures = 0
        self._command_cap = self._settings.commit_commands
        answered = len(self._in_flight().commands)
        self._publish(self._in_flight(), message.last)
        if self.phase is Phase.READY and not self._stopping:
            self._gather(answered)

    def _on_owned(self, _message: messages.Owned) -> None:
        draft = self._in_flight()
        self._answer(draft)
        self._proceed()

    def _on_proof_failed(self, _message: messages.ProofFailed) -> None:
        self._fail_draft(self._in_flight(), "store-unavailable")
        self._proceed()

    def _on_commit_failed(self, message: messages.CommitFailed) -> None:
        self._fail_draft(self._in_flight(), message.reason)
        self._proceed()

    def _on_commit_too_large(self, _message: messages.CommitTooLarge) -> None:
        draft = self._in_flight()
        if len(draft.commands) == 1:
            rejection = Rejection("too-large", "the store takes no commit of this size; send less at once")
            self._drop(draft)
            self._settled.append((draft.commands[0], Refused(rejection)))
        else:
            # Nothing was written, so the same commands are decided again, in smaller portions.
            self._command_cap = max(1, len(draft.commands) // 2)
            self._drop(draft)
            self._queue.extendleft(reversed(draft.commands))
        self._proceed()

    def _on_key_missing(self, message: messages.KeyMissing) -> None:
        draft = self._in_flight()
        self._drop(draft)
        self._forget_person(message.person)
        others = [pending for pending in draft.commands if pending.person != message.person]
        self._settled.extend((pending, ERASED) for pending in draft.commands if pending.person == message.person)
        self._queue.extendleft(reversed(others))
        self._proceed()

    def _publish(self, draft: Draft, last: int) -> None:
        self.counts.commits += 1
        self.counts.events += len(draft.events)
        self._head = last
        for entity, (state, sequence) in draft.entities.items():
            resident = self.residents.publish(entity, state, sequence)
            if resident is None:
                continue
            due = entity in draft.snapshots_due
            if due or sequence - resident.snapshot_sequence >= self._settings.snapshot_every:
                self._save_snapshot(entity, resident)
        for entity, _, event in draft.events:
            self._open.apply(entity, type(event).__name__, event.at_ms)
        if draft.erased:
            self._forget_all(draft)
        else:
            self._answer(draft)
            self._proceed()

    def _forget_all(self, draft: Draft) -> None:
        # The log says that these people are erased; their key and name must be gone before anybody is told so.
        # Everybody else's answers speak of the commit alone and need not wait.
        for person in draft.erased:
            self._forget_person(person)
        self._answer(draft)
        self._forget(tuple(sorted(draft.erased)))

    def _answer(self, draft: Draft) -> None:
        """Answer everybody in the draft; call only when what they are told is in the log, or proven to be."""
        self._draft = None
        at = LogPosition(self.shard, self._head)
        answers: list[tuple[object, Answer]] = []
        for pending, reply in draft.accepted:
            self._address(pending, Accepted(reply, at), draft, answers)
        for pending, answer in draft.settled:
            self._address(pending, answer, draft, answers)
        self._reply(answers)

    def _address(self, pending: Pending, answer: Answer, draft: Draft, answers: list[tuple[object, Answer]]) -> None:
        if pending.ticket is None:
            self._abandonment_answered(pending, answer)
        elif draft.answered:
            return
        elif pending.person in draft.erased:
            self._to_forget.append((pending.ticket, answer))
        else:
            answers.append((pending.ticket, answer))

    def _fail_draft(self, draft: Draft, reason: str) -> None:
        self._drop(draft)
        if not draft.answered:
            self._turn_away(draft.commands, reason)

    def _drop(self, draft: Draft) -> None:
        """Forget what a drain decided: its states never became anybody's."""
        if draft is self._draft:
            self._draft = None

    def _on_judged(self, message: messages.Judged) -> None:
        draft = self._in_flight()
        outcome = message.outcome
        self._failures = 0
        expected = outcome.last if outcome.applied else draft.after
        if self._head != expected:
            self._stale = True  # another owner wrote in between: our states are not the newest any more
        if outcome.applied:
            self._publish(draft, self._head)
        else:
            self._fail_draft(draft, "outcome-unknown")
            self._proceed()

    def _on_acquired(self, message: messages.Acquired) -> None:
        self.counts.acquisitions += 1
        self._epoch = message.epoch
        self._head = message.head
        if self.phase is Phase.TAKING_NEW_EPOCH:
            draft = self._in_flight()
            self.phase = Phase.JUDGING
            self._effects.append(effects.Judge(draft.epoch, draft.after, draft.commit_id))
        elif self._moving:
            self._released()
        else:
            self._restore()

    def _on_ticked(self, _message: messages.Ticked) -> None:
        if self.phase is Phase.BACKING_OFF:
            self._try_again()
        elif self.phase is Phase.READY and not self._stopping:
            self._passivate()
            self._abandon_silent()

    _HANDLERS: ClassVar[dict[type[Message], str]] = {
        messages.Start: "_on_start",
        messages.Submitted: "_on_submitted",
        messages.Acquired: "_on_acquired",
        messages.AcquireFailed: "_on_acquire_failed",
        messages.Restored: "_on_restored",
        messages.RestoreFailed: "_on_restore_failed",
        messages.Recovered: "_on_recovered",
        messages.RecoveryErased: "_on_recovery_erased",
        messages.RecoveryFailed: "_on_recovery_failed",
        messages.Committed: "_on_committed",
        messages.CommitFailed: "_on_commit_failed",
        messages.CommitTooLarge: "_on_commit_too_large",
        messages.KeyMissing: "_on_key_missing",
        messages.Fenced: "_on_fenced",
        messages.OutcomeUnknown: "_on_outcome_unknown",
        messages.Judged: "_on_judged",
        messages.JudgeFailed: "_on_judge_failed",
        messages.Owned: "_on_owned",
        messages.ProofFailed: "_on_proof_failed",
        messages.Forgotten: "_on_forgotten",
        messages.ForgetFailed: "_on_forget_failed",
        messages.Gathered: "_on_gathered",
        messages.Ticked: "_on_ticked",
        messages.Release: "_on_release",
        messages.Yield: "_on_yield",
    }
