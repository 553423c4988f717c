"""What the journal stores. Payloads are sealed; only what a store needs to order and find them is in the clear."""

from __future__ import annotations

import msgspec
from kinelog.privacy.sealing import Sealed


class StoredEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event of one entity, sealed.

    Attributes:
        entity: Persistence id (pseudonyms only).
        sequence: Contiguous from 1 within the entity.
        type: Name of the event class.
        schema: Version of its layout.
        at_ms: When it was decided, Unix milliseconds.
        payload: The sealed fields.
    """

    entity: str
    sequence: int
    type: str
    schema: int
    at_ms: int
    payload: Sealed


class Positioned(msgspec.Struct, frozen=True, gc=False):
    """An event with its position in its shard's log (contiguous from 1)."""

    position: int
    event: StoredEvent


class CommitName(msgspec.Struct, frozen=True, gc=False):
    """A commit without what is in it.

    Attributes:
        first: Position of its first event.
        last: Position of its last event.
        epoch: Epoch it was written under.
        commit_id: 16 bytes that name it.
    """

    first: int
    last: int
    epoch: int
    commit_id: bytes


class Acquired(msgspec.Struct, frozen=True):
    """What `acquire` answers: the epoch that may write from now on, and the last position in the log (0: empty)."""

    epoch: int
    head: int


class Outcome(msgspec.Struct, frozen=True):
    """What became of a commit: applied at `first`…`last`, or never (and never will be, since the epoch is newer)."""

    applied: bool
    first: int = 0
    last: int = 0


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """State of an entity after its event `sequence`, sealed.

    Attributes:
        entity: Persistence id, or `shard:N` for a shard's own list of open sessions.
        sequence: Last event of the entity that is in the state; for `shard:N` the log position.
        schema: Version of the state's layout: another version is ignored, and the events are read instead.
    """

    entity: str
    sequence: int
    schema: int
    at_ms: int
    payload: Sealed
