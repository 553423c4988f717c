"""Every safety rule taken away, one at a time: the checker must object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
from kinelog.actors import effects, messages
from kinelog.actors.answers import Accepted, Answer, LogPosition
from kinelog.actors.draft import Draft, DraftStates
from kinelog.actors.phase import Phase
from kinelog.actors.residents import Residents
from kinelog.actors.rules import DOMAIN_RULES
from kinelog.actors.shard_machine import ShardMachine
from kinelog.domain import decider
from kinelog.domain import events as did
from kinelog.domain.commands import Command
from kinelog.domain.decider import Decision, State
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person
from kinelog.domain.limits import Limits
from kinelog.domain.recording import frame_digest
from kinelog.domain.replies import FramesRecorded, FrameStatus
from kinelog.domain.states import DeviceFrames, SessionState
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.port import Journal
from kinelog.journal.records import Positioned, Snapshot
from typing_extensions import override

from tests.simulation.world import Variant


@dataclass(frozen=True, slots=True)
class Ablation:
    """A broken variant, and the numbers of the invariants of which one must be seen to break."""

    variant: Variant
    breaks: tuple[str, ...]


class RepliesBeforeCommit(ShardMachine):
    """Answers when the commit is sent instead of when it is durable."""

    @override
    def _commit(self, draft: Draft) -> None:
        at = LogPosition(self.shard, draft.after + len(draft.events))
        answers: list[tuple[object, Answer]] = [
            (pending.ticket, Accepted(reply, at)) for pending, reply in draft.accepted if pending.ticket is not None
        ]
        answers += [(pending.ticket, answer) for pending, answer in draft.settled if pending.ticket is not None]
        self._reply(answers)
        draft.answered = True
        super()._commit(draft)


class CommittedStates(DraftStates):
    """Looks past the draft."""

    __slots__ = ()

    def __init__(self, residents: Residents) -> None:
        super().__init__(Draft(0, 0, b""), residents)


class DecidesAgainstCommittedState(ShardMachine):
    """Decides against what is committed instead of against the draft."""

    @override
    def _deciding(self, states: DraftStates) -> DraftStates:
        return CommittedStates(self.residents)


class JudgesWithoutNewEpoch(ShardMachine):
    """Asks for an unknown outcome at once: the commit may still be on its way."""

    @override
    def _on_outcome_unknown(self, _message: messages.OutcomeUnknown) -> None:
        draft = self._in_flight()
        self.phase = Phase.JUDGING
        self._effects.append(effects.Judge(draft.epoch, draft.after, draft.commit_id))


class RetriesBlindly(ShardMachine):
    """Takes a new epoch after an unknown outcome, and commits again without asking what became of the first."""

    @override
    def _on_acquired(self, message: messages.Acquired) -> None:
        if self.phase is not Phase.TAKING_NEW_EPOCH:
            super()._on_acquired(message)
            return
        draft = self._in_flight()
        self._epoch, self._head = message.epoch, message.head
        draft.epoch, draft.after, draft.commit_id = message.epoch, message.head, self._entropy
        self._commit(draft)


class TakesUnknownForDone(ShardMachine):
    """Acknowledges a commit whose outcome nobody knows."""

    @override
    def _on_outcome_unknown(self, _message: messages.OutcomeUnknown) -> None:
        draft = self._in_flight()
        self._publish(draft, draft.after + len(draft.events))


class AnswersWithoutProof(ShardMachine):
    """Answers what needs no commit without asking whether the shard is still its own."""

    @override
    def _prove(self, draft: Draft) -> None:
        self._answer(draft)
        self._proceed()
        self._drain()


class KeepsTheDraft(ShardMachine):
    """Keeps the states of a drain that failed."""

    @override
    def _drop(self, draft: Draft) -> None:
        for entity, (state, sequence) in draft.entities.items():
            self.residents.publish(entity, state, sequence)
        super()._drop(draft)


class KeepsStatesWhenFenced(ShardMachine):
    """Goes on with what it knew before somebody else owned the shard."""

    @override
    def _forget_states(self) -> None:
        """Forget nothing."""


class SnapshotsTheDraft(ShardMachine):
    """Saves a snapshot of what is about to be committed."""

    @override
    def _commit(self, draft: Draft) -> None:
        for entity, (state, sequence) in draft.entities.items():
            self._effects.append(effects.SaveSnapshot(entity, sequence, state))
        super()._commit(draft)


class KeepsErasedKeys(ShardMachine):
    """Logs an erasure and leaves the key where it is."""

    @override
    def _forget(self, people: tuple[Person, ...]) -> None:
        self._forgetting = people
        self._on_forgotten(messages.Forgotten())


class LeavesErasuresUnfinished(ShardMachine):
    """Does not look, when it acquires the shard, for erasures that a crash left unfinished."""

    @override
    def _on_restored(self, message: messages.Restored) -> None:
        super()._on_restored(messages.Restored(message.sessions, (), message.snapshot_position))


class ForgetsOpenSessions(ShardMachine):
    """Does not take the list of open sessions over when it acquires the shard."""

    @override
    def _on_restored(self, message: messages.Restored) -> None:
        super()._on_restored(messages.Restored({}, message.erased, message.snapshot_position))


class AnswersTooEarlyAboutErasure(ShardMachine):
    """Tells people that they are erased while their key is still there."""

    @override
    def _forget_all(self, draft: Draft) -> None:
        erased, draft.erased = draft.erased, set()
        self._answer(draft)
        draft.erased = erased
        for person in erased:
            self._forget_person(person)
        self._forget(tuple(sorted(erased)))


class SnapshotsOnly(MemoryJournal):
    """A journal for recoveries that does not read the events behind a snapshot."""

    def __init__(self, behind: Journal) -> None:
        super().__init__(1)
        self._behind = behind

    @override
    def snapshots(self, entity: str) -> list[Snapshot]:
        return self._behind.snapshots(entity)

    @override
    def replay(self, entity: str, after_sequence: int = 0) -> Iterator[Positioned]:
        return iter(()) if after_sequence else self._behind.replay(entity, 0)


def _whole_batch(person: Person, command: Command, states: Mapping[str, State], limits: Limits) -> Decision | Rejection:
    decision = decider.decide(person, command, states, limits)
    reply = decision.reply if isinstance(decision, Decision) else None
    bad = isinstance(reply, FramesRecorded) and any(one.status is FrameStatus.REJECTED for one in reply.outcomes)
    return Rejection("bad-batch", "one of the frames is bad") if bad else decision


def _states_not_carried(
    person: Person, command: Command, states: Mapping[str, State], limits: Limits
) -> Decision | Rejection:
    """Decide as ever, but leave the new state to `evolve`, so that another `evolve` is heard."""
    decision = DOMAIN_RULES.decide(person, command, states, limits)
    return decision if isinstance(decision, Rejection) else msgspec.structs.replace(decision, evolved=None)


def _reject_takes_key(state: State, event: Event) -> State:
    evolved = decider.evolve(state, event)
    if not isinstance(event, did.FrameRejected) or not isinstance(evolved, SessionState):
        return evolved
    entry = evolved.device(event.device) or DeviceFrames(event.device)
    received = entry.received.insert(event.sequence, frame_digest(event.data, None))
    others = tuple(other for other in evolved.devices if other.device != event.device)
    return msgspec.structs.replace(evolved, devices=(*others, msgspec.structs.replace(entry, received=received)))


ABLATIONS: dict[str, Ablation] = {
    "commit-before-reply": Ablation(Variant(RepliesBeforeCommit), ("1",)),
    "draft-decides": Ablation(Variant(DecidesAgainstCommittedState), ("5",)),
    "new-epoch-before-judging": Ablation(Variant(JudgesWithoutNewEpoch), ("2",)),
    "judge-by-commit-id": Ablation(Variant(judges_by_head=True), ("1",)),
    "no-blind-retry": Ablation(Variant(RetriesBlindly), ("5", "1", "3")),
    "unknown-is-not-done": Ablation(Variant(TakesUnknownForDone), ("1",)),
    "proof-of-ownership": Ablation(Variant(AnswersWithoutProof), ("2",)),
    "drop-failed-drafts": Ablation(Variant(KeepsTheDraft), ("1",)),
    "forget-when-fenced": Ablation(Variant(KeepsStatesWhenFenced), ("3", "5")),
    "snapshots-of-committed-state": Ablation(Variant(SnapshotsTheDraft), ("4",)),
    "recovery-reads-the-tail": Ablation(Variant(recovery_journal=SnapshotsOnly), ("3", "5")),
    "rejects-take-no-key": Ablation(
        Variant(rules=DOMAIN_RULES._replace(decide=_states_not_carried, evolve=_reject_takes_key)), ("5",)
    ),
    "frames-are-judged-singly": Ablation(Variant(rules=DOMAIN_RULES._replace(decide=_whole_batch)), ("6",)),
    "erasure-destroys-the-key": Ablation(Variant(KeepsErasedKeys), ("7",)),
    "erased-only-when-forgotten": Ablation(Variant(AnswersTooEarlyAboutErasure), ("7",)),
    "finish-erasures-on-acquisition": Ablation(Variant(LeavesErasuresUnfinished), ("7",)),
    "restore-open-sessions": Ablation(Variant(ForgetsOpenSessions), ("liveness",)),
}
