"""The port behind which the views are stored: what a worker, a rebuild and a replay ask of a store.

A store keeps rows, offsets and parked events of several *generations* of each view. Two promises make folding exactly
once out of reading at least once:

* What `rows` gives is an exact state: everything of an entity up to `applied`, and nothing behind it, whatever died or
  was written by somebody else in between.
* An offset is written only when everything up to it is. A store with transactions writes both together; one without
  writes the offset last, and rows that say how far they are folded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import msgspec
from kinelog.projections.errors import NewerViewsError
from kinelog.projections.fold import Origin, View
from kinelog.projections.row_buffer import RowBuffer, StoredRows
from kinelog.projections.rows import ParkedRow

LIVE = "live"
BUILDING = "building"
CANDIDATE = "candidate"
"""A build that is nearly there: live workers fold it beside the live generation until it takes that one's place."""
RETIRED = "retired"


class Generation(msgspec.Struct, frozen=True):
    """One generation of a view: its tables and where they belong."""

    view: str
    version: int
    generation: int
    incarnation: str
    state: str


class Offset(msgspec.Struct, frozen=True):
    """How far a shard is folded.

    Attributes:
        revision: Raised by every write to the shard's rows, so that whoever folded on older rows notices; always 0 in a
            store where older rows do no harm.
    """

    position: int
    revision: int


class Parking(msgspec.Struct, frozen=True):
    """An event that is set aside; `error` is None for one that waits behind another of its person."""

    shard: int
    position: int
    entity: str
    owner: str
    error: str | None


class Released(NamedTuple):
    """A parked event that waits no longer."""

    owner: str
    shard: int
    position: int


@dataclass
class Batch:
    """What one fold of one generation wants written.

    Attributes:
        based_on: By shard, where the fold began; shards that are absent are not touched.
        positions: By the same shards, where it ended.
        parked: Events set aside; `released`: parked events that are folded now.
        owners: Persons whose rows the batch may write.
        erased: Persons whose rows go from every generation, the one that is being built included, and the event that
            says so.
    """

    generation: Generation
    buffer: RowBuffer
    based_on: Mapping[int, Offset]
    positions: Mapping[int, int]
    owners: set[str] = field(default_factory=set)
    parked: list[Parking] = field(default_factory=list)
    released: list[Released] = field(default_factory=list)
    erased: dict[str, Origin] = field(default_factory=dict)


Write = Callable[[Iterable[Batch]], None]
"""Writes folded batches, as `ViewStore.apply`."""

CatchUp = Callable[[Mapping[int, int], Write], bool]
"""Folds builds up to positions by shard, writing with the given function; False if they are too far behind for that."""


def fits(view: View, incarnation: str, generation: Generation | None) -> bool:
    """Whether a generation can be gone on with: it holds this log, in this code's layout.

    Raises:
        NewerViewsError: It holds this log in the layout of newer code.
    """
    if generation is None or generation.incarnation != incarnation:
        return False
    if generation.version > view.version:
        raise NewerViewsError(view.name, generation.version, view.version)
    return generation.version == view.version


class ViewStore(ABC):
    """The views' store, as a worker or a rebuild sees it. One thread at a time."""

    trouble: ClassVar[tuple[type[Exception], ...]]
    """What it raises when it, and not an event, is the trouble: nobody's events are parked for that."""

    passing: ClassVar[tuple[type[Exception], ...]] = ()
    """Of that, what a worker waits out: the store is away, and will be the same when it is back."""

    batches_at_once: ClassVar[int] = 1
    """How many ordinary batches are folded together when the views are late."""

    workers_at_once: ClassVar[int] = 1
    """Workers of one process that are worth having: more, where folding waits for something distant."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    # ── generations ──────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def generations(self, state: str | None = None) -> list[Generation]:
        """All generations, or those in a state, by view and number."""

    @abstractmethod
    def begin(self, views: Sequence[View], incarnation: str, shards: int) -> None:
        """See to it that each view has a live generation that fits: where there is none, an empty one takes its place.

        A view of another incarnation holds what this log never said; one of another version has another layout. Neither
        can be continued.

        Raises:
            NewerViewsError: Newer code made one of them.
        """

    @abstractmethod
    def take_up(self, views: Sequence[View], incarnation: str, shards: int) -> list[Generation]:
        """The builds of these views that were left unfinished and fit, new ones where there is none; others retire."""

    @abstractmethod
    def switch(self, fresh: Sequence[Generation], catch_up: CatchUp) -> bool:
        """Make builds the live generations, so that readers do not see their views go back.

        Args:
            fresh: The builds.
            catch_up: Called with what the live generations show; it folds what the builds lack.

        Returns:
            False if `catch_up` said that they lack too much.

        Raises:
            ViewsMovedError: Somebody else has retired the builds.
        """

    @abstractmethod
    def retire(self, generations: Sequence[Generation]) -> None:
        """Mark generations as no longer wanted."""

    @abstractmethod
    def drop_retired(self) -> None:
        """Drop the tables of retired generations that nobody can be reading any more, without holding anybody up."""

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def change_mark(self) -> int:
        """Another number whenever somebody else may have changed what `generations`, `offsets` and `parked` tell."""

    @abstractmethod
    def offsets(self, generation: Generation) -> dict[int, Offset]:
        """How far each shard is folded into a generation."""

    @abstractmethod
    def parked_owners(self, generation: Generation) -> set[str]:
        """Persons whose events wait."""

    @abstractmethod
    def parked(self, generation: Generation, owner: str | None = None) -> list[ParkedRow]:
        """Events that wait, of one person or of all, in log order."""

    @abstractmethod
    def rows(self, view: View, generation: Generation) -> StoredRows:
        """What a fold of this generation starts from."""

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def apply(self, batches: Iterable[Batch]) -> None:
        """Write folded batches.

        Nothing is written if a value cannot be stored.

        Raises:
            OverflowError, ValueError, TypeError: A value that no column can hold.
            ViewsMovedError: A generation changed since the fold read it, so that the fold counts for nothing.
        """

    @abstractmethod
    def moved(self, offset: Offset, position: int) -> Offset:
        """What an offset is after a batch that ended at a position was written."""

    @abstractmethod
    def scrub(self) -> bool:
        """Do what can wait for a pause: take away what an erasure, or a retired generation, left behind.

        Returns:
            Whether nothing is left to do.
        """
