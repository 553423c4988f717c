"""A store in memory that drives the decider as a shard does, and holds every step to its promises."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from kinelog.codecs.errors import CodecError
from kinelog.codecs.values import BlockSummary, DeviceKind, Format, FrameSummary, SensorKind
from kinelog.domain import decider
from kinelog.domain.commands import Command, IncomingFrame, RecordFrames, RegisterUser, StartSession
from kinelog.domain.errors import Rejection
from kinelog.domain.events import EVENT_TYPES, Event
from kinelog.domain.identifiers import Person
from kinelog.domain.limits import Limits
from kinelog.domain.replies import FramesRecorded
from kinelog.domain.states import SessionState, TenantState, UserState
from kinelog.domain.values import SetLabel

PERSON = Person("acme", "0123456789abcdef0123456789abcdef")
TENANT = Person("acme", "@")
MORNING = 1_700_000_000_000
MINUTE = 60_000
CURL = SetLabel("resistanceTargeted:arms/biceps-curl@cable-2", repetitions=10, weight_kg=20.0)
ROW = SetLabel("resistanceTargeted:back/dumbbell-row")

_FIRST_BYTES = {ord("A"): Format.AE, ord("G"): Format.GFS}
_E = TypeVar("_E", bound=Event)


class NotOfThisGymError(CodecError):
    """What the pretended codec raises."""

    code = "unknown-format"


def pretend_summarize(data: bytes, format: Format | None = None) -> FrameSummary:  # noqa: A002 - the codec's own name
    """A codec of two layouts, so that these tests speak of decisions only: `A…` has a clock, `G…` has none."""
    found = _FIRST_BYTES.get(data[0]) if data else None
    if found is None or (format is not None and format is not found):
        raise NotOfThisGymError(0, "neither A nor G")
    block = BlockSummary(SensorKind.ACCELEROMETER, None, 50, len(data) - 1)
    return FrameSummary(found, 1, DeviceKind.PEBBLE, (block,))


def session_id(number: int) -> str:
    """A valid session id; ids are ordered as their numbers are."""
    return f"00000000-0000-4000-8000-{number:012x}"


class Ledger:
    """All streams, their events and states.

    Attributes:
        streams: Events by persistence id.
        states: What those events add up to, kept up to date event by event.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        """Start empty."""
        self.limits = limits or Limits()
        self.streams: dict[str, list[Event]] = {}
        self.states: dict[str, decider.State] = {}

    def do(self, command: Command, person: Person = PERSON) -> object:
        """Load what the command needs, decide it, store its events; the reply or the rejection.

        Also proves for each command: deciding is pure, events round-trip, a rejection stores nothing.
        """
        while lacking := [name for name in decider.needs(person, command, self.states) if name not in self.states]:
            for name in lacking:
                self.states[name] = decider.initial(name)
        before = msgspec.msgpack.encode(self.states)
        decided = decider.decide(person, command, self.states, self.limits)
        assert decider.decide(person, command, self.states, self.limits) == decided
        assert msgspec.msgpack.encode(self.states) == before, "deciding changed a state"
        if isinstance(decided, Rejection):
            return decided
        for name, event in decided.events:
            kind = EVENT_TYPES[type(event).__name__]
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=kind) == event
            self.streams.setdefault(name, []).append(event)
            self.states[name] = decider.evolve(self.states[name], event)
        return decided.reply

    def refusal(self, command: Command, person: Person = PERSON) -> Rejection:
        """Do a command that must be refused."""
        stored = sum(map(len, self.streams.values()))
        answer = self.do(command, person)
        assert isinstance(answer, Rejection), answer
        assert sum(map(len, self.streams.values())) == stored
        return answer

    def replayed(self, name: str) -> decider.State:
        """The state of a stream, folded anew from its events as they are stored."""
        state = decider.initial(name)
        for event in self.streams.get(name, []):
            stored = msgspec.msgpack.encode(event)
            state = decider.evolve(state, msgspec.msgpack.decode(stored, type=type(event)))
        return state

    def user(self) -> UserState:
        """The person."""
        state = self.states[PERSON.persistence_id]
        assert isinstance(state, UserState)
        return state

    def session(self, number: int) -> SessionState:
        """A session by its number."""
        state = self.states[PERSON.session(session_id(number))]
        assert isinstance(state, SessionState)
        return state

    def tenant(self) -> TenantState:
        """The tenant."""
        state = self.states[TENANT.persistence_id]
        assert isinstance(state, TenantState)
        return state

    def events(self, kind: type[_E]) -> list[_E]:
        """All stored events of a kind, stream by stream."""
        return [event for stream in self.streams.values() for event in stream if isinstance(event, kind)]

    def register(self) -> None:
        """Make the person known."""
        self.do(RegisterUser(at_ms=MORNING))

    def start(self, number: int = 1, started_at_ms: int = MORNING, at_ms: int = MORNING) -> object:
        """Start a session."""
        return self.do(StartSession(at_ms=at_ms, session=session_id(number), started_at_ms=started_at_ms))

    def frames(self, *frames: IncomingFrame, number: int = 1, at_ms: int = MORNING) -> FramesRecorded:
        """Record frames, which the session must take."""
        answer = self.do(RecordFrames(at_ms=at_ms, session=session_id(number), frames=frames))
        assert isinstance(answer, FramesRecorded), answer
        return answer


def frame(sequence: int, data: bytes = b"A...", device: str = "watch", start_ms: int | None = None) -> IncomingFrame:
    """A frame as received."""
    return IncomingFrame(device, sequence, data, None, start_ms)
