"""What a shard's machine holds in memory, and how it comes in and leaves: recovery, passivation, snapshots.

Also the shard's own list of open sessions, by which the silent ones are found. All of it is committed state: what is
still being decided lives in a draft, and whatever is here can be read back from the log.
"""

from __future__ import annotations

from collections import deque

from kinelog.actors import effects, messages
from kinelog.actors.answers import Accepted, Answer, Erased, Unavailable
from kinelog.actors.counts import Counts
from kinelog.actors.draft import Draft
from kinelog.actors.effects import Effect
from kinelog.actors.gathering import Gathering
from kinelog.actors.messages import Pending
from kinelog.actors.open_sessions import OpenSessions
from kinelog.actors.phase import Phase
from kinelog.actors.residents import Resident, Residents
from kinelog.actors.rules import DOMAIN_RULES, Rules
from kinelog.actors.settings import ShardSettings
from kinelog.actors.waiting import Waiting
from kinelog.domain.commands import AbandonSession
from kinelog.domain.identifiers import Person, person_of, session_of
from kinelog.domain.limits import Limits

ERASED = Erased()
HOPELESS = frozenset({"recovery-failed", "defect"})


class ShardMemory:
    """Entities, open sessions, and the commands that wait; answers that need nothing but to be given."""

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
        self._gathering = Gathering(self._settings.gather_share, self._settings.gather_limit_ms)
        self._gather_number = 0
        self._sent_ms = 0
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
        self._moving = False
        self._yields = False
        self._failures = 0
        self._retry: tuple[int, Phase] | None = None
        self._unavailable = "store-unavailable"
        self._now_ms = 0
        self._entropy = b""
        self._effects: list[Effect] = []

    @property
    def open_sessions(self) -> list[str]:
        """Streams of the sessions that are open, the longest silent first."""
        return list(self._open)

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

    def _forget_person(self, person: Person) -> None:
        self.residents.drop_person(person)
        self._settled.extend((pending, ERASED) for pending in self._waiting.drop_person(person))

    def _passivate(self) -> None:
        busy = set(self._waiting.people)
        busy.update(pending.person for pending in self._queue)
        idle_since = self._now_ms - self._settings.idle_ms
        self.counts.passivations += self.residents.passivate(idle_since, self._settings.resident_entities, busy)

    def _abandon_silent(self) -> None:
        for entity in self._open.silent(self._now_ms - self._limits.silence_ms):
            if len(self._abandoning) >= self._settings.abandonments:
                break
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
        if not isinstance(answer, Unavailable) or answer.reason in HOPELESS:
            # Still listed although it was answered: the state machine knows of activity that this list has not seen, or
            # the session cannot be read at all, and asking at every tick would not help.
            self._open.postpone(entity, self._now_ms)

    def _save_snapshot(self, entity: str, resident: Resident) -> None:
        resident.snapshot_sequence = resident.sequence
        self._effects.append(effects.SaveSnapshot(entity, resident.sequence, resident.state))

    def _save_shard_snapshot(self) -> None:
        self._shard_snapshot = self._head
        self._effects.append(effects.SaveShardSnapshot(self._head, self._open.as_dict()))

    def _save_behind(self) -> None:
        behind = [
            (resident.sequence - resident.snapshot_sequence, entity, resident)
            for entity, resident in self.residents.items()
            if resident.sequence - resident.snapshot_sequence >= self._settings.release_snapshot_from
        ]
        # The longest replays first: whoever runs this may have to stop before the end.
        for _, entity, resident in sorted(behind, key=lambda entry: -entry[0]):
            self._save_snapshot(entity, resident)

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
