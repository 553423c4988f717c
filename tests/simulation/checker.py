"""Holds a run against the invariants. It knows the history, the log and the keys, and nothing of the machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kinelog.actors.answers import Accepted, Erased, Refused
from kinelog.codecs import frames as codec
from kinelog.codecs.errors import CodecError
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.commands import IncomingFrame, RecordFrames
from kinelog.domain.decider import State, evolve, initial
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person, person_of
from kinelog.domain.replies import FrameOutcome, FramesRecorded, FrameStatus
from kinelog.domain.states import SessionState, UserState
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.records import Positioned

from tests.simulation.history import (
    Acquiring,
    Acquisition,
    Answering,
    Application,
    Held,
    History,
    LossHeard,
    Proof,
    SessionOver,
    Taking,
)

SHARD = 0


class Log:
    """The log, opened with every key there ever was, and what it folds to."""

    def __init__(self, history: History) -> None:
        codec_with_all_keys = EventCodec(history.keys.escrow())
        self.positioned: list[Positioned] = history.journal.read(SHARD, 0, 1_000_000)
        self.events: list[tuple[int, str, int, Event]] = []
        self.states: dict[tuple[str, int], State] = {}
        self.position_of: dict[tuple[str, int], int] = {}
        self.frames: dict[tuple[str, str, int], list[tuple[int, bytes]]] = defaultdict(list)
        self.sequences: dict[str, int] = defaultdict(int)
        for positioned in self.positioned:
            stored = positioned.event
            event = codec_with_all_keys.open(stored)
            self._fold(positioned.position, stored.entity, stored.sequence, event)

    def _fold(self, position: int, entity: str, sequence: int, event: Event) -> None:
        self.events.append((position, entity, sequence, event))
        self.sequences[entity] += 1
        known = self.sequences[entity]
        self.states[entity, known] = evolve(self.states.get((entity, known - 1)) or initial(entity), event)
        self.position_of[entity, known] = position
        if isinstance(event, did.FrameRecorded):
            self.frames[entity, event.device, event.sequence].append((position, event.data))

    def states_within(self, entity: str, first: int, last: int) -> list[State]:
        """What the log folds to at any position from `first` to `last`."""
        states = [initial(entity)]
        for sequence in range(1, self.sequences[entity] + 1):
            position = self.position_of[entity, sequence]
            if position > last:
                break
            if position <= first:
                states.clear()
            states.append(self.states[entity, sequence])
        return states

    def first(self, entity: str, kind: type[Event]) -> int | None:
        """Position of the first event of a kind in a stream."""
        return next((at for at, stream, _, event in self.events if stream == entity and isinstance(event, kind)), None)


def violations(history: History) -> list[str]:
    """Everything in a run that breaks an invariant, each with the invariant's number; empty for a run that holds."""
    log = Log(history)
    return [
        *history.complaints,
        *_contiguity(log),
        *_one_writer(history),
        *_members_only(history),
        *_frames_once(log),
        *_once_in_a_stream(log),
        *_held_is_fold(history, log),
        *_answers(history, log),
        *_erasures(history, log),
        *_left_open(log),
    ]


def _contiguity(log: Log) -> Iterator[str]:
    for expected, positioned in enumerate(log.positioned, 1):
        if positioned.position != expected:
            yield f"3: position {positioned.position} where {expected} belongs"
    known: dict[str, int] = defaultdict(int)
    for position, entity, sequence, _ in log.events:
        known[entity] += 1
        if sequence != known[entity]:
            yield f"3: {entity} has sequence {sequence} where {known[entity]} belongs, at position {position}"


def _one_writer(history: History) -> Iterator[str]:
    owners: dict[int, str] = {}
    ids: set[bytes] = set()
    newest = 0
    for entry in history.entries:
        if isinstance(entry, Acquisition):
            if entry.epoch in owners:
                yield f"2: epoch {entry.epoch} was given to {owners[entry.epoch]} and {entry.owner}"
            elif entry.epoch < newest:
                yield f"2: {entry.owner} was given epoch {entry.epoch}, after {newest}"
            owners[entry.epoch] = entry.owner
            newest = entry.epoch
        elif isinstance(entry, Application):
            if entry.epoch != newest or owners.get(entry.epoch) != entry.owner:
                yield f"2: {entry.owner} wrote under epoch {entry.epoch}, the newest is {newest}"
            if entry.commit_id in ids:
                yield f"2: a commit id was used twice by {entry.owner}"
            ids.add(entry.commit_id)


def _members_only(history: History) -> Iterator[str]:
    """Nobody acknowledges or acquires anything after the coordinator gave its session up."""
    given_up: set[str] = set()
    for entry in history.entries:
        match entry:
            case SessionOver():
                given_up.add(entry.life)
            case Answering() if isinstance(entry.answer, Accepted | Refused | Erased) and "/" in entry.owner:
                if entry.owner.partition("/")[2].partition(".")[0] in given_up:
                    yield f"2: {entry.owner} acknowledged {entry.ticket} after its session was over"
            case Acquiring() if entry.life in given_up:
                yield f"2: {entry.life} asked for the shard after its session was over"
            case LossHeard() if entry.waiting:
                yield f"2: {entry.owner} heard that its session was over, and {len(entry.waiting)} still wait with it"
            case _:
                pass


def _frames_once(log: Log) -> Iterator[str]:
    for (entity, device, sequence), stored in log.frames.items():
        if len(stored) > 1:
            yield f"5: frame {sequence} of {device} in {entity} is stored at {[at for at, _ in stored]}"


def _once_in_a_stream(log: Log) -> Iterator[str]:
    once = (did.UserRegistered, did.SessionStarted, did.UserErased, did.SessionAbandoned)
    counts: dict[tuple[str, type[Event]], int] = defaultdict(int)
    for position, entity, _, event in log.events:
        if isinstance(event, once):
            counts[entity, type(event)] += 1
            if counts[entity, type(event)] > 1:
                yield f"1: {type(event).__name__} again in {entity} at {position}"


def _left_open(log: Log) -> Iterator[str]:
    """In the end, long after the last phone fell silent, no session of anybody is still open."""
    closings = (did.SessionEnded, did.SessionAbandoned, did.SessionDeleted)
    closed = {entity for _, entity, _, event in log.events if isinstance(event, closings)}
    erased = {entity for _, entity, _, event in log.events if isinstance(event, did.UserErased)}
    for _, entity, _, event in log.events:
        gone = entity in closed or person_of(entity).persistence_id in erased
        if isinstance(event, did.SessionStarted) and not gone:
            yield f"liveness: {entity} fell silent and was never abandoned"


def _held_is_fold(history: History, log: Log) -> Iterator[str]:
    for entry in history.entries:
        if not isinstance(entry, Held) or entry.sequence == 0:
            continue
        position = log.position_of.get((entry.entity, entry.sequence))
        if position is None or position > entry.head:
            yield f"4: {entry.owner} held {entry.entity}#{entry.sequence} in {entry.where}, which is not in the log"
        elif log.states[entry.entity, entry.sequence] != entry.state:
            yield f"4: {entry.owner} held {entry.entity}#{entry.sequence} in {entry.where}, and the log says otherwise"


@dataclass(slots=True)
class _Owner:
    """When an owner last had proof that the shard was its own: place in the history."""

    proven: int = -1


def _answers(history: History, log: Log) -> Iterator[str]:
    """Every answer: given once, proven, and true of the log as it was when it was given."""
    taken: dict[int, tuple[int, Taking]] = {}
    answered: set[int] = set()
    owners: dict[str, _Owner] = defaultdict(_Owner)
    for place, entry in enumerate(history.entries):
        match entry:
            case Taking():
                taken[entry.ticket] = (place, entry)
            case Application() | Proof() | Acquisition():
                # An acquisition is proof too: whoever judges a commit after it knows the log up to its head.
                owners[entry.owner].proven = place
            case Answering():
                if entry.ticket in answered:
                    yield f"liveness: ticket {entry.ticket} was answered twice"
                answered.add(entry.ticket)
                at, taking = taken[entry.ticket]
                if isinstance(entry.answer, Accepted | Refused) and owners[entry.owner].proven < at:
                    yield f"2: {entry.owner} answered {entry.answer} without proof that the shard was its own"
                yield from _answer(taking, entry, log)
            case _:
                pass


def _answer(taking: Taking, entry: Answering, log: Log) -> Iterator[str]:
    answer, command, person = entry.answer, taking.command, taking.person
    if isinstance(answer, Refused):
        yield from _refused(taking, answer, log)
    elif isinstance(answer, Erased):
        if log.first(person.persistence_id, did.UserErased) is None or not entry.erased:
            yield f"1: {entry.owner} called {person.pseudonym} erased, which they are not"
    elif isinstance(answer, Accepted):
        if answer.at.position > entry.head:
            yield f"1: {entry.owner} acknowledged position {answer.at.position}, the log ended at {entry.head}"
        if answer.at.position < taking.head:
            yield f"2: {entry.owner} answered as of {answer.at.position}, when {taking.head} was committed already"
        if isinstance(command, RecordFrames) and isinstance(answer.reply, FramesRecorded):
            yield from _recorded(person, command, answer.reply, answer.at.position, log)
        else:
            yield from _kept(taking, answer, log, entry)


def _refused(taking: Taking, answer: Refused, log: Log) -> Iterator[str]:
    command, code = taking.command, answer.rejection.code
    if not isinstance(command, RecordFrames):
        return
    stream = taking.person.session(command.session)
    if code == "session-not-started":
        started = log.first(stream, did.SessionStarted)
        if started is not None and started <= taking.head:
            yield f"2: {taking.owner} said that {stream} had not started, after it had"
    elif code not in {"session-deleted", "user-erased"} and any(_decodes(frame) for frame in command.frames):
        yield f"6: a whole batch was refused ({code}), good frames included"


def _recorded(person: Person, command: RecordFrames, reply: FramesRecorded, at: int, log: Log) -> Iterator[str]:
    stream = person.session(command.session)
    if len(reply.outcomes) != len(command.frames):
        yield f"6: {len(command.frames)} frames, {len(reply.outcomes)} outcomes"
    for frame, outcome in zip(command.frames, reply.outcomes, strict=False):
        yield from _outcome(stream, frame, outcome, at, log)


def _outcome(stream: str, frame: IncomingFrame, outcome: FrameOutcome, at: int, log: Log) -> Iterator[str]:
    stored = [data for position, data in log.frames.get((stream, frame.device, frame.sequence), ()) if position <= at]
    name = f"frame {frame.sequence} of {stream}"
    match outcome.status:
        case FrameStatus.STORED | FrameStatus.DUPLICATE:
            if stored != [frame.data]:
                yield f"1: {name} was acknowledged ({outcome.status}); up to {at} the log has {len(stored)} of it"
        case FrameStatus.CONFLICT:
            if not stored or stored[0] == frame.data:
                yield f"5: {name} was called a conflict, and its key was free or its own"
        case FrameStatus.REJECTED:
            if _decodes(frame):
                yield f"6: {name} is good and was rejected: {outcome.error}"


def _decodes(frame: IncomingFrame) -> bool:
    try:
        codec.summarize(frame.data, frame.format)
    except CodecError:
        return False
    return True


def _kept(taking: Taking, answer: Accepted, log: Log, entry: Answering) -> Iterator[str]:
    """An accepted command other than frames: what it asked for is in the log, and a state is what the log folds to."""
    person, command = taking.person, taking.command
    own, at = person.persistence_id, answer.at.position
    wanted: tuple[str, type[Event]] | None = None
    match command:
        case ask.RegisterUser():
            wanted = (own, did.UserRegistered)
        case ask.StartSession():
            wanted = (person.session(command.session), did.SessionStarted)
        case ask.EndSession():
            wanted = (person.session(command.session), did.SessionEnded)
        case ask.LabelSet():
            wanted = (person.session(command.session), did.SetLabelled)
        case ask.EraseUser():
            wanted = (own, did.UserErased)
            if not entry.erased:
                yield f"7: {own} was told to be erased, and the key was still there"
        case _:
            yield from _true_state(taking, answer, log)
    if wanted is not None:
        position = log.first(*wanted)
        if position is None or position > at:
            yield f"1: {type(command).__name__} of {own} acknowledged at {at}; {wanted[1].__name__} is at {position}"


def _true_state(taking: Taking, answer: Accepted, log: Log) -> Iterator[str]:
    person, command, state = taking.person, taking.command, answer.reply
    entity = person.session(command.session) if isinstance(command, ask.ReadSession) else person.persistence_id
    if not isinstance(state, SessionState | UserState):
        return
    # Decided somewhere within its drain: it has everything from before it was asked, and maybe not the drain's rest.
    if state not in log.states_within(entity, taking.head, answer.at.position):
        yield f"4: {entity} was shown as of {answer.at.position}, and the log says otherwise"


def _erasures(history: History, log: Log) -> Iterable[str]:
    for _, entity, _, event in log.events:
        if isinstance(event, did.UserErased) and not history.keys.is_erased(*person_of(entity)):
            yield f"7: {entity} is erased in the log, and the key is still there"
