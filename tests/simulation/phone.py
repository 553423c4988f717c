"""A phone: it has things to say in an order, and says each again and again until it hears what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from kinelog.actors.answers import Accepted, Answer, Erased, Refused
from kinelog.codecs.values import Format
from kinelog.domain import commands as ask
from kinelog.domain.commands import Command, IncomingFrame
from kinelog.domain.identifiers import Person
from kinelog.domain.values import SetLabel, Source

Make = Callable[[int], Command]
"""A command as the service receives it at a time (Unix ms): a retransmission differs in nothing else."""

SETTLED_REFUSALS = frozenset({"session-ended", "user-erased", "user-unknown", "session-deleted", "outside-session"})


@dataclass(slots=True, eq=False)
class Request:
    """One thing to say."""

    person: Person
    make: Make
    answer: Answer | None = None
    attempts: int = 0

    @property
    def done(self) -> bool:
        """Whether the phone heard what became of it."""
        return self.answer is not None

    def hear(self, answer: Answer) -> bool:
        """Take an answer; whether it is final."""
        if self.answer is None and is_final(answer):
            self.answer = answer
        return self.done


def is_final(answer: Answer) -> bool:
    """Whether nothing is gained by asking again."""
    if isinstance(answer, Refused):
        return not answer.rejection.retryable
    return isinstance(answer, Accepted | Erased)


@dataclass(slots=True, eq=False)
class Phone:
    """What one person's phone will say: stages, and within a stage everything at once."""

    person: Person
    stages: list[list[Request]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether everything was said and heard."""
        return not self.stages

    @property
    def open_requests(self) -> list[Request]:
        """What was not answered yet."""
        return [request for stage in self.stages for request in stage if not request.done]

    def advance(self) -> list[Request]:
        """Go on to the next stage if this one is done; the requests that are to be sent now."""
        if self.stages and all(request.done for request in self.stages[0]):
            self.stages.pop(0)
            return self.stages[0] if self.stages else []
        return []


def script(person: Person, rng: Random, now_ms: int) -> Phone:
    """Draw what a person does."""
    phone = Phone(person)

    def say(*makes: Make) -> None:
        phone.stages.append([Request(person, make) for make in makes])

    say(lambda at: ask.RegisterUser(at_ms=at))
    for _ in range(rng.choice((1, 1, 2))):
        _session(say, rng, now_ms)
    if rng.random() < 0.3:
        say(lambda at: ask.EraseUser(at_ms=at), lambda at: ask.ReadUser(at_ms=at))
        say(lambda at: ask.ReadUser(at_ms=at), lambda at: ask.RegisterUser(at_ms=at))
    return phone


def _session(say: Callable[..., None], rng: Random, now_ms: int) -> None:
    session = str(uuid.UUID(int=rng.getrandbits(128)))
    started = now_ms + rng.randint(-5_000, 5_000)
    frames = Frames(session, rng, now_ms)
    start: Make = lambda at: ask.StartSession(at_ms=at, session=session, started_at_ms=started)  # noqa: E731
    say(start, *([start] if rng.random() < 0.3 else []), *([frames.next()] if rng.random() < 0.3 else []))
    for _ in range(rng.randint(1, 3)):
        say(*(frames.next() for _ in range(rng.randint(1, 4))), lambda at: ask.ReadSession(at_ms=at, session=session))
    if rng.random() < 0.4:
        say(_label(session, started), frames.next(), lambda at: ask.ReadUser(at_ms=at))
    if rng.random() < 0.5:
        end: Make = lambda at: ask.EndSession(at_ms=at, session=session, final=True)  # noqa: E731
        say(end, *([frames.next()] if rng.random() < 0.5 else []))
        say(lambda at: ask.ReadSession(at_ms=at, session=session))


def _label(session: str, started: int) -> Make:
    label = SetLabel("resistanceTargeted:arms/biceps-curl", 10, 20.0)
    return lambda at: ask.LabelSet(
        at_ms=at, session=session, start_ms=started, end_ms=started + 1_000, label=label, source=Source.PERSON,
        label_id="label-1",
    )  # fmt: skip


class Frames:
    """Frames of one session: good ones, some sent twice, some undecodable and sent again clean, some conflicting."""

    def __init__(self, session: str, rng: Random, now_ms: int) -> None:
        self._session = session
        self._rng = rng
        self._now_ms = now_ms
        self._sequence = 0
        self._sent: list[IncomingFrame] = []
        self._damaged: list[int] = []

    def next(self) -> Make:
        """The next batch."""
        frames = tuple(self._frame() for _ in range(self._rng.choice((1, 1, 2, 3))))
        session = self._session
        return lambda at: ask.RecordFrames(at_ms=at, session=session, frames=frames)

    def _frame(self) -> IncomingFrame:
        rng, dice = self._rng, self._rng.random()
        if self._sent and dice < 0.2:
            return rng.choice(self._sent)
        if self._sent and dice < 0.3:
            return self._made(rng.choice(self._sent).sequence)
        if self._damaged and dice < 0.6:
            return self._made(self._damaged.pop())
        sequence = self._sequence
        self._sequence += rng.choice((1, 1, 1, 2))
        if dice > 0.85:
            self._damaged.append(sequence)
            return self._made(sequence, good=False)
        return self._made(sequence)

    def _made(self, sequence: int, *, good: bool = True) -> IncomingFrame:
        # One packed sample behind a gfs header; a damaged frame says that there are two.
        data = bytes((0xAD, 1 if good else 2, 100, 5, 0)) + self._rng.randbytes(4) + b"\0"
        frame = IncomingFrame("watch", sequence, data, Format.GFS, self._now_ms + sequence)
        if good:
            self._sent.append(frame)
        return frame
