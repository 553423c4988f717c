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

from collections import deque
from enum import Enum, auto
from typing import ClassVar

from kinelog.actors import effects, messages
from kinelog.actors.answers import Accepted, Answer, Erased, LogPosition, Refused, Unavailable
from kinelog.actors.backoff import backoff_ms
from kinelog.actors.counts import Counts
from kinelog.actors.draft import Draft, DraftStates
from kinelog.actors.effects import Effect
from kinelog.actors.messages import Message, Pending
from kinelog.actors.open_sessions import OpenSessions
from kinelog.actors.residents import Resident, Residents
from kinelog.actors.rules import DOMAIN_RULES, Rules
from kinelog.actors.settings import ShardSettings
from kinelog.actors.waiting import Waiting
from kinelog.domain.commands import AbandonSession
from kinelog.domain.errors import Rejection
from kinelog.domain.identifiers import Person, person_of, session_of
from kinelog.domain.limits import Limits

ERASED = Erased()


class Phase(Enum):
    """What the machine waits for."""

    NEW = auto()
    ACQUIRING = auto()
    RESTORING = auto()
    READY = auto()
    COMMITTING = auto()
    PROVING = auto()
    FORGETTING = auto()
    TAKING_NEW_EPOCH = auto()
    JUDGING = auto()
    BACKING_OFF = auto()
    RELEASED = auto()


SERVING = frozenset({Phase.READY, Phase.COMMITTING, Phase.PROVING, Phase.FORGETTING})


class ShardMachine:
    """One shard: entities of its people, one drain in flight, and the way back from every failure."""

    def __init__(
        self, shard: int, limits: Limits, settings: ShardSettings | None = None, rules: Rules = DOMAIN_RULES
    ) -> None:
        """Start without the shard; `Start` acquires it."""
        self.shard = shard
        self.counts = Counts()
        self.residents = Residents()
        self.phase = Phase.NEW
        self._limits = limits
        self._settings = settings or ShardSettings()
        self._rules = rules
        self._queue: deque[Pending] = deque()
        self._settled: deque[tuple[Pending, Answer]] = deque()
        self._waiting = Waiting(self._settings.recoveries, self._settings.parked_per_person)
        self._open = OpenSessions()
        self._abandoning: set[str] = set()
        self._draft: Draft | None = None
        self._forgetting: tuple[Person, ...] = ()
        self._to_forget: list[tuple[object, Answer]] = []
        self._epoch = 0
        self._head = 0
        self._shard_snapshot = 0
        self._command_cap = self._settings.commit_commands
        self._stale = False
        self._stopping = False
        self._failures = 0
        self._retry: tuple[int, Phase] | None = None
        self._unavailable = "store-unavailable"
        self._now_ms = 0
        self._entropy = b""
        self._effects: list[Effect] = []

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

    @property
    def serving(self) -> bool:
        """Whether the shard is owned, as far as this machine knows, and commands are decided."""
        return self.phase in SERVING

    @property
    def backing_off(self) -> bool:
        """Whether the machine waits before it tries something again."""
        return self.phase is Phase.BACKING_OFF

    @property
    def open_sessions(self) -> list[str]:
        """Streams of the sessions that are open, the longest silent first."""
        return list(self._open)

    @property
    def outstanding(self) -> int:
        """Commands taken in and not answered."""
        in_flight = 0 if self._draft is None or self._draft.answered else len(self._draft.commands)
        return len(self._queue) + len(self._waiting) + len(self._settled) + in_flight

    # ── commands in ──────────────────────────────────────────────────────────────────────────────────────────────

    def _on_submitted(self, message: messages.Submitted) -> None:
        if self._stopping or self.phase is Phase.RELEASED:
            self._turn_away(message.commands, "stopping")
        elif self.phase is Phase.BACKING_OFF:
            self._turn_away(message.commands, self._unavailable)
        else:
            self._queue.extend(message.commands)

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
        self._effects.append(effects.Commit(draft.epoch, draft.after, draft.commit_id, draft.events))

    def _prove(self, draft: Draft) -> None:
        self.phase = Phase.PROVING
        self._effects.append(effects.ProveOwnership(draft.epoch))

    # ── what became of the drain ─────────────────────────────────────────────────────────────────────────────────

    def _on_committed(self, message: messages.Committed) -> None:
        self._failures = 0
        self._command_cap = self._settings.commit_commands
        self._publish(self._in_flight(), message.last)

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

    def _on_fenced(self, _message: messages.Fenced) -> None:
        self._lose("fenced")

    def _in_flight(self) -> Draft:
        draft = self._draft
        if draft is None:
            message = f"shard {self.shard}: nothing is in flight in phase {self.phase.name}"
            raise AssertionError(message)
        return draft

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

    def _forget_person(self, person: Person) -> None:
        self.residents.drop_person(person)
        self._settled.extend((pending, ERASED) for pending in self._waiting.drop_person(person))

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

    def _turn_away(self, commands: list[Pending], reason: str) -> None:
        unavailable = Unavailable(reason)
        answers: list[tuple[object, Answer]] = []
        for pending in commands:
            if pending.ticket is None:
                self._abandonment_answered(pending, unavailable)
            else:
                answers.append((pending.ticket, unavailable))
        self._reply(answers)

    def _reply(self, answers: list[tuple[object, Answer]]) -> None:
        if answers:
            self._effects.append(effects.Reply(answers))

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

    # ── an outcome that nobody knows ─────────────────────────────────────────────────────────────────────────────

    def _on_outcome_unknown(self, _message: messages.OutcomeUnknown) -> None:
        # Whoever acquires next fences the commit off, wherever it is on its way: only after that a "no" is final.
        self.phase = Phase.TAKING_NEW_EPOCH
        self._effects.append(effects.Acquire())

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

    def _on_judge_failed(self, _message: messages.JudgeFailed) -> None:
        self._doubt()

    def _doubt(self) -> None:
        """Tell those who wait that nobody knows, once; what they sent is judged all the same, later."""
        draft = self._in_flight()
        self._back_off(Phase.TAKING_NEW_EPOCH, "store-unavailable")
        if not draft.answered:
            draft.answered = True
            self._turn_away([pending for pending in draft.commands if pending.ticket is not None], "outcome-unknown")

    # ── owning the shard ─────────────────────────────────────────────────────────────────────────────────────────

    def _on_start(self, _message: messages.Start) -> None:
        if self.phase is Phase.NEW:
            self._acquire()

    def _acquire(self) -> None:
        self.phase = Phase.ACQUIRING
        self._effects.append(effects.Acquire())

    def _on_acquired(self, message: messages.Acquired) -> None:
        self._epoch = message.epoch
        self._head = message.head
        if self.phase is Phase.TAKING_NEW_EPOCH:
            draft = self._in_flight()
            self.phase = Phase.JUDGING
            self._effects.append(effects.Judge(draft.epoch, draft.after, draft.commit_id))
        else:
            self._restore()

    def _on_acquire_failed(self, _message: messages.AcquireFailed) -> None:
        if self.phase is Phase.TAKING_NEW_EPOCH:
            self._doubt()
        else:
            self._lose("store-unavailable")

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
        if message.erased:
            # A crash between the commit of an erasure and the destruction of the key is mended here.
            self._forget(message.erased)
        else:
            self._proceed()

    def _on_restore_failed(self, _message: messages.RestoreFailed) -> None:
        self._lose("store-unavailable")

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
        if self._stopping and then is Phase.ACQUIRING:
            self._released()
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

    # ── entities in and out of memory ────────────────────────────────────────────────────────────────────────────

    def _recover_more(self) -> None:
        for entity, recovery in self._waiting.start(self._epoch):
            self.counts.recoveries += 1
            self._effects.append(effects.Recover(entity, recovery))

    def _on_recovered(self, message: messages.Recovered) -> None:
        if not self._waiting.finish(message.entity, message.recovery):
            return
        resident = Resident(message.state, message.sequence, message.snapshot_sequence, self._now_ms)
        self.residents.put(message.entity, resident)
        # To the front: what this person sent since stands in the queue behind it.
        self._queue.extendleft(reversed(self._waiting.unpark(person_of(message.entity))))

    def _on_recovery_erased(self, message: messages.RecoveryErased) -> None:
        if self._waiting.finish(message.entity, message.recovery):
            self._forget_person(person_of(message.entity))

    def _on_recovery_failed(self, message: messages.RecoveryFailed) -> None:
        if self._waiting.finish(message.entity, message.recovery):
            self._turn_away(list(self._waiting.drop_person(person_of(message.entity))), "recovery-failed")

    def _on_ticked(self, _message: messages.Ticked) -> None:
        if self.phase is Phase.BACKING_OFF:
            self._try_again()
        elif self.phase is Phase.READY and not self._stopping:
            self._passivate()
            self._abandon_silent()

    def _passivate(self) -> None:
        busy = set(self._waiting.people)
        busy.update(pending.person for pending in self._queue)
        idle_since = self._now_ms - self._settings.idle_ms
        self.counts.passivations += self.residents.passivate(idle_since, self._settings.resident_entities, busy)

    def _abandon_silent(self) -> None:
        for entity in self._open.silent(self._now_ms - self._limits.silence_ms):
            session = session_of(entity)
            if session is not None and entity not in self._abandoning:
                self._abandoning.add(entity)
                command = AbandonSession(at_ms=self._now_ms, session=session, reason="silence")
                self._queue.append(Pending(person_of(entity), command, None))

    def _abandonment_answered(self, pending: Pending, answer: Answer) -> None:
        command = pending.command
        if not isinstance(command, AbandonSession):
            return
        entity = pending.person.session(command.session)
        self._abandoning.discard(entity)
        if isinstance(answer, Accepted):
            self.counts.abandoned += 1
        if not isinstance(answer, Unavailable):
            # Still listed although it was answered: the state machine knows of activity that this list has not seen.
            self._open.postpone(entity, self._now_ms)

    # ── snapshots and the end ────────────────────────────────────────────────────────────────────────────────────

    def _save_snapshot(self, entity: str, resident: Resident) -> None:
        resident.snapshot_sequence = resident.sequence
        self._effects.append(effects.SaveSnapshot(entity, resident.sequence, resident.state))

    def _save_shard_snapshot(self) -> None:
        self._shard_snapshot = self._head
        self._effects.append(effects.SaveShardSnapshot(self._head, self._open.as_dict()))

    def _on_release(self, _message: messages.Release) -> None:
        self._stopping = True
        if self.phase is Phase.NEW or (self.phase is Phase.BACKING_OFF and self._retry_leads_to(Phase.ACQUIRING)):
            self._turn_away(list(self._queue), "stopping")
            self._queue.clear()
            self._released()

    def _retry_leads_to(self, phase: Phase) -> bool:
        return self._retry is not None and self._retry[1] is phase

    def _let_go(self) -> None:
        if self._head > self._shard_snapshot:
            self._save_shard_snapshot()
        behind = [
            (resident.sequence - resident.snapshot_sequence, entity, resident)
            for entity, resident in self.residents.items()
            if resident.sequence - resident.snapshot_sequence >= self._settings.release_snapshot_from
        ]
        # The longest replays first: whoever runs this may have to stop before the end.
        for _, entity, resident in sorted(behind, key=lambda entry: -entry[0]):
            self._save_snapshot(entity, resident)
        self._released()

    def _released(self) -> None:
        self.phase = Phase.RELEASED
        self._effects.append(effects.Released())

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
        messages.Ticked: "_on_ticked",
        messages.Release: "_on_release",
    }
