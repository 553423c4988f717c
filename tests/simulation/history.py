"""What happened in one run, in order: all that the checker knows."""

from __future__ import annotations

from dataclasses import dataclass, field

from kinelog.actors.answers import Answer
from kinelog.domain.commands import Command
from kinelog.domain.decider import State
from kinelog.domain.identifiers import Person
from kinelog.journal.port import Journal

from tests.simulation.keys import MemoryKeys


@dataclass(frozen=True, slots=True)
class Acquisition:
    """The store gave an epoch to an owner (a node, and which of its lives)."""

    at_ms: int
    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Application:
    """The store applied a commit."""

    at_ms: int
    owner: str
    epoch: int
    commit_id: bytes
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Look:
    """The store was read by an owner; if it proves anything, a `Proof` takes this place later."""

    at_ms: int
    owner: str
    number: int


@dataclass(frozen=True, slots=True)
class Proof:
    """The store told an owner that its epoch is the newest."""

    at_ms: int
    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Taking:
    """An owner took a command in; `head` is how far the log went at that moment."""

    at_ms: int
    owner: str
    ticket: int
    person: Person
    command: Command
    head: int


@dataclass(frozen=True, slots=True)
class Answering:
    """An owner answered a ticket; `head` and `erased` are what the log and the key store said at that moment."""

    at_ms: int
    owner: str
    ticket: int
    answer: Answer
    head: int
    erased: bool


@dataclass(frozen=True, slots=True)
class Held:
    """An owner held this to be an entity's committed state: in memory, or in a snapshot."""

    at_ms: int
    owner: str
    entity: str
    sequence: int
    state: State
    head: int
    where: str


@dataclass(frozen=True, slots=True)
class SessionBegun:
    """The coordinator took a process in as a member, for one of that member's lives."""

    at_ms: int
    life: str


@dataclass(frozen=True, slots=True)
class SessionOver:
    """The coordinator gave a member up, and may have told others so."""

    at_ms: int
    life: str


@dataclass(frozen=True, slots=True)
class Acquiring:
    """A member asked the store for the shard."""

    at_ms: int
    life: str


@dataclass(frozen=True, slots=True)
class LossHeard:
    """An owner heard, or worked out, that it may have been given up; these tickets still wait with it."""

    at_ms: int
    owner: str
    waiting: tuple[int, ...]


Entry = (
    Acquisition
    | Application
    | Look
    | Proof
    | Taking
    | Answering
    | Held
    | SessionBegun
    | SessionOver
    | Acquiring
    | LossHeard
)


@dataclass(slots=True)
class History:
    """One run."""

    seed: int
    journal: Journal
    keys: MemoryKeys
    entries: list[Entry] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
