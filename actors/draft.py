"""A drain that is being decided: an overlay of new states over the committed ones, the events, and the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kinelog.actors.answers import Answer
from kinelog.actors.messages import Pending
from kinelog.actors.residents import Residents
from kinelog.actors.rules import Rules
from kinelog.domain import events
from kinelog.domain.decider import Decision, State
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person
from typing_extensions import override

SESSION_CLOSING = (events.SessionEnded, events.SessionAbandoned)
FRAMES = (events.FrameRecorded, events.FrameRejected, events.FrameQuarantined)
EVENT_OVERHEAD_BYTES = 256


class Draft:
    """What one drain changes. States are immutable, so dropping the draft is forgetting it."""

    __slots__ = (
        "accepted",
        "after",
        "answered",
        "bytes",
        "commands",
        "commit_id",
        "entities",
        "epoch",
        "erased",
        "events",
        "settled",
        "snapshots_due",
    )  # fmt: skip

    def __init__(self, epoch: int, after: int, commit_id: bytes) -> None:
        self.epoch = epoch
        self.after = after
        self.commit_id = commit_id
        self.commands: list[Pending] = []
        self.entities: dict[str, tuple[State, int]] = {}
        self.events: list[tuple[str, int, Event]] = []
        self.bytes = 0
        self.accepted: list[tuple[Pending, object]] = []
        self.settled: list[tuple[Pending, Answer]] = []
        self.erased: set[Person] = set()
        self.snapshots_due: set[str] = set()
        self.answered = False

    def accept(self, pending: Pending, decision: Decision, residents: Residents, rules: Rules) -> None:
        """Evolve the draft by a decision: all of it, or nothing if evolving raises."""
        if decision.evolved is not None:
            self._take_evolved(pending, decision, decision.evolved, residents)
            return
        changed: dict[str, tuple[State, int]] = {}
        numbered: list[tuple[str, int, Event]] = []
        for entity, event in decision.events:
            state, sequence = changed.get(entity) or self.entities.get(entity) or _committed(entity, residents)
            sequence += 1
            changed[entity] = (rules.evolve(state, event), sequence)
            numbered.append((entity, sequence, event))
        self.entities.update(changed)
        self.events.extend(numbered)
        self.accepted.append((pending, decision.reply))
        for entity, _, event in numbered:
            self._note(pending.person, entity, event)

    def _take_evolved(self, pending: Pending, decision: Decision, evolved: State, residents: Residents) -> None:
        """Take the state that deciding worked out: evolving it again would double the price of a frame."""
        entity = decision.events[0][0]
        _, sequence = self.entities.get(entity) or _committed(entity, residents)
        for _, event in decision.events:
            sequence += 1
            self.events.append((entity, sequence, event))
            self._note(pending.person, entity, event)
        self.entities[entity] = (evolved, sequence)
        self.accepted.append((pending, decision.reply))

    def _note(self, person: Person, entity: str, event: Event) -> None:
        self.bytes += EVENT_OVERHEAD_BYTES
        if isinstance(event, FRAMES):
            self.bytes += len(event.data)
        elif isinstance(event, SESSION_CLOSING):
            self.snapshots_due.add(entity)
        elif isinstance(event, events.UserErased):
            self.erased.add(person)


def _committed(entity: str, residents: Residents) -> tuple[State, int]:
    resident = residents.get(entity)
    if resident is None:
        message = f"an event for {entity}, which the command did not ask for"
        raise LookupError(message)
    return resident.state, resident.sequence


class DraftStates(Mapping[str, State]):
    """What `decide` sees: the draft's states over the committed ones, so a frame sent twice in a drain is found."""

    __slots__ = ("_draft", "_residents")

    def __init__(self, draft: Draft, residents: Residents) -> None:
        self._draft = draft.entities
        self._residents = residents

    @override
    def __getitem__(self, entity: str) -> State:
        drafted = self._draft.get(entity)
        if drafted is not None:
            return drafted[0]
        resident = self._residents.get(entity)
        if resident is None:
            raise KeyError(entity)
        return resident.state

    @override
    def __contains__(self, entity: object) -> bool:
        return entity in self._residents

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._residents)

    @override
    def __len__(self) -> int:
        return len(self._residents)
