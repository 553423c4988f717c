"""A log as it lies in its store, damage included: what `verification` reads. Both stores serve it; none needs keys."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec
from kinelog.journal.commit_row import CommitRow, Run, pack
from kinelog.journal.errors import CorruptError

Kind = Literal[
    "hole", "double", "checksum", "sequence", "epoch", "head", "bucket", "clock", "index", "shard", "unreadable"
]


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it must be.

    Attributes:
        kind: What sort of damage.
        shard: The shard, or -1 for the store as a whole.
        position: The log position, 0 where there is none.
        detail: What was found, in words.
    """

    kind: Kind
    shard: int
    position: int
    detail: str


class Newest(NamedTuple):
    """What the store says of a shard: its newest epoch, and the position of its last event."""

    epoch: int
    head: int


class InspectedRow(NamedTuple):
    """A commit's row.

    Attributes:
        row: The row.
        place: Where it lies, for messages; empty where a shard has one place only.
        misindexed: Whether the index of entities covers it and says something else.
    """

    row: CommitRow
    place: str = ""
    misindexed: bool = False


class InspectedLog(ABC):
    """A log under inspection. For one thread. Every method may raise a `JournalError` for what cannot be read."""

    shards: int
    incarnation: str

    @abstractmethod
    def newest(self, shard: int) -> Newest | None:
        """Epoch and head of a shard; None if it has neither."""

    @abstractmethod
    def rows(self, shard: int, head: int) -> Iterator[InspectedRow]:
        """All commits up to a position, in the order in which they are stored, in bounded memory."""

    @abstractmethod
    def places(self, shard: int) -> Iterator[Finding]:
        """What is wrong with where a shard's rows lie, and with what the store says of them; read after its rows."""

    @abstractmethod
    def whole(self) -> Iterator[Finding]:
        """What is wrong with the index of entities, and with places that no shard has."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store."""

    def events(self) -> int:
        """How many events the log says it has, for a progress bar."""
        newest = map(self.newest, range(self.shards))
        return sum(one.head for one in newest if one is not None)


def runs_that_belong(row: CommitRow) -> list[Run] | None:
    """The runs that an index must have of a commit; None where the commit itself is damaged, which is found elsewhere.

    Raises:
        CorruptError: The commit's own directory says something else.
    """
    try:
        expected = pack(row.shard, row.first - 1, row.epoch, row.commit_id, row.decoded())[1]
        written = row.runs()
    except (CorruptError, ValueError):
        return None
    if written != expected:
        raise CorruptError(row.where, "the directory of the commit does not say what its body holds")
    return expected
