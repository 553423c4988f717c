"""What a shard's machine wants done. Whoever runs it does these in order and tells it what became of them."""

from __future__ import annotations

import msgspec
from kinelog.actors.answers import Answer
from kinelog.actors.messages import Pending
from kinelog.domain.decider import State
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person


class Acquire(msgspec.Struct, frozen=True):
    """Take the next epoch of the shard. → Acquired, AcquireFailed."""


class Restore(msgspec.Struct, frozen=True):
    """Read the shard's own snapshot and the log from there to `head`. → Restored, RestoreFailed."""

    head: int


class Recover(msgspec.Struct, frozen=True):
    """Read an entity, beside everything else. → Recovered, RecoveryErased, RecoveryFailed with the same number."""

    entity: str
    recovery: int


class Commit(msgspec.Struct, frozen=True):
    """Seal and append. → Committed, CommitFailed, CommitTooLarge, KeyMissing, Fenced, OutcomeUnknown.

    Attributes:
        events: `(persistence id, sequence, event)` in order.
        commands: What it answers.
    """

    epoch: int
    after: int
    commit_id: bytes
    events: list[tuple[str, int, Event]]
    commands: list[Pending]


class Judge(msgspec.Struct, frozen=True):
    """Ask what became of a commit of an older epoch. → Judged, JudgeFailed."""

    epoch: int
    after: int
    commit_id: bytes


class ProveOwnership(msgspec.Struct, frozen=True):
    """Ask the store whether the epoch is still the newest. → Owned, Fenced, ProofFailed."""

    epoch: int


class Forget(msgspec.Struct, frozen=True):
    """Destroy keys and names, discard snapshots. → Forgotten, ForgetFailed."""

    people: tuple[Person, ...]


class Reply(msgspec.Struct, frozen=True):
    """Answer these tickets, each once."""

    answers: list[tuple[object, Answer]]


class SaveSnapshot(msgspec.Struct, frozen=True):
    """Keep an entity's committed state. Nothing comes back: a lost snapshot only makes a recovery longer."""

    entity: str
    sequence: int
    state: State


class SaveShardSnapshot(msgspec.Struct, frozen=True):
    """Keep the list of open sessions as of a log position. Nothing comes back."""

    position: int
    sessions: dict[str, int]


class ReportDefect(msgspec.Struct, frozen=True):
    """Deciding this person's command raised: a defect of ours, to be logged. Nothing comes back."""

    person: Person
    command: str
    error: Exception


class Released(msgspec.Struct, frozen=True):
    """The machine let go of its shard and does nothing more."""


class Gather(msgspec.Struct, frozen=True):
    """Let `wait_ms` go by before the next drain, if other shards are busy. → Gathered with the same number."""

    number: int
    wait_ms: int


Effect = (
    Acquire
    | Restore
    | Recover
    | Commit
    | Judge
    | ProveOwnership
    | Forget
    | Gather
    | Reply
    | SaveSnapshot
    | SaveShardSnapshot
    | ReportDefect
    | Released
)
