"""What a shard's machine is told: commands, and what became of its effects."""

from __future__ import annotations

import msgspec
from kinelog.domain.commands import Command
from kinelog.domain.decider import State
from kinelog.domain.identifiers import Person
from kinelog.journal.records import Outcome


class Pending(msgspec.Struct, frozen=True, gc=False):
    """A command that waits for its answer.

    Attributes:
        ticket: Whom to answer; opaque to the machine. None for commands that the shard gave itself.
    """

    person: Person
    command: Command
    ticket: object | None


class Start(msgspec.Struct, frozen=True):
    """Acquire the shard and serve it."""


class Submitted(msgspec.Struct, frozen=True):
    """Commands in the order in which they came."""

    commands: list[Pending]


class Acquired(msgspec.Struct, frozen=True):
    """This process holds a new epoch; the log's last position is `head`."""

    epoch: int
    head: int


class AcquireFailed(msgspec.Struct, frozen=True):
    """The epoch was not taken, or nobody knows: it has to be raised again. Who waits is told the reason."""

    reason: str = "store-unavailable"


class Restored(msgspec.Struct, frozen=True):
    """What the shard itself has to remember, read back from its snapshot and the log behind it.

    Attributes:
        sessions: Open sessions and their last activity (Unix ms), oldest activity first.
        erased: People whose erasure is in that part of the log: their keys may still be there.
        snapshot_position: Log position of the snapshot that was used, 0 without one.
    """

    sessions: dict[str, int]
    erased: tuple[Person, ...]
    snapshot_position: int


class RestoreFailed(msgspec.Struct, frozen=True):
    """The list of open sessions could not be read."""


class Recovered(msgspec.Struct, frozen=True):
    """An entity's committed state, after its event `sequence`; `snapshot_sequence` is that of the snapshot used."""

    entity: str
    recovery: int
    state: State
    sequence: int
    snapshot_sequence: int = 0


class RecoveryErased(msgspec.Struct, frozen=True):
    """The entity's person was erased, or never was."""

    entity: str
    recovery: int


class RecoveryFailed(msgspec.Struct, frozen=True):
    """The entity could not be read."""

    entity: str
    recovery: int


class Committed(msgspec.Struct, frozen=True):
    """The commit is durable; `last` is the position of its last event."""

    last: int


class CommitFailed(msgspec.Struct, frozen=True):
    """Nothing was written, and nothing will be: `storage-full` or `store-unavailable`."""

    reason: str


class CommitTooLarge(msgspec.Struct, frozen=True):
    """Nothing was written: the store takes no commit of this size."""


class KeyMissing(msgspec.Struct, frozen=True):
    """Nothing was written: there is no key to seal this person's events with."""

    person: Person


class Fenced(msgspec.Struct, frozen=True):
    """Another owner has a newer epoch. Nothing was written, and nothing can be."""


class OutcomeUnknown(msgspec.Struct, frozen=True):
    """The commit may have been applied, or may yet be."""


class Judged(msgspec.Struct, frozen=True):
    """What became of a commit whose outcome was unknown."""

    outcome: Outcome


class JudgeFailed(msgspec.Struct, frozen=True):
    """The store does not say yet."""


class Owned(msgspec.Struct, frozen=True):
    """The epoch was still the newest after everything in the draft had been decided."""


class ProofFailed(msgspec.Struct, frozen=True):
    """The store does not say who owns the shard."""


class Forgotten(msgspec.Struct, frozen=True):
    """Keys and names are destroyed."""


class ForgetFailed(msgspec.Struct, frozen=True):
    """Keys or names may still be there."""


class Gathered(msgspec.Struct, frozen=True):
    """The wait that began with this number is over, or there was none."""

    number: int
    waited: bool


class Ticked(msgspec.Struct, frozen=True):
    """Time went by."""


class Release(msgspec.Struct, frozen=True):
    """Take nothing new, finish, keep what shortens the next start, and let go.

    Attributes:
        moving: Whether another owner waits. Then only the commit in flight is finished, and what is not in it is given
            back as `moved`; else everything that was taken in is served to the end.
    """

    moving: bool = False


class Yield(msgspec.Struct, frozen=True):
    """Serve on, but leave the shard when fenced, since it goes to another owner; `on` False takes that back."""

    on: bool


Message = (
    Start
    | Submitted
    | Acquired
    | AcquireFailed
    | Restored
    | RestoreFailed
    | Recovered
    | RecoveryErased
    | RecoveryFailed
    | Committed
    | CommitFailed
    | CommitTooLarge
    | KeyMissing
    | Fenced
    | OutcomeUnknown
    | Judged
    | JudgeFailed
    | Owned
    | ProofFailed
    | Forgotten
    | ForgetFailed
    | Gathered
    | Ticked
    | Release
    | Yield
)
