"""What a view is: a name, a version, tables, and a pure fold of events into rows of these tables.

The rule that everything else rests on: *a row depends on the events of one person only* (and on how far its shard was
folded). Nothing a fold reads comes from another person, another shard or a clock. So shards may be folded in any
interleaving, a person whose events cannot be folded is set aside without holding up anybody, and an erased person can
be left out as if they had never been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from kinelog.domain.events import Event
from kinelog.projections.tables import Columns, Key, R, Record, Table


class Names(NamedTuple):
    """The parts of a persistence id; `session` is empty for a person's or a tenant's own stream."""

    tenant: str
    person: str
    session: str


@lru_cache(maxsize=65_536)
def names_of(entity: str) -> Names:
    """Take a persistence id apart."""
    parts = entity.split("/", 2)
    return Names(parts[0], parts[1], parts[2] if len(parts) == 3 else "")


@lru_cache(maxsize=65_536)
def owner_of(entity: str) -> str:
    """The person's own stream: what events are parked by."""
    tenant, person, _ = names_of(entity)
    return f"{tenant}/{person}"


class Origin(NamedTuple):
    """Where an event stands in the log."""

    entity: str
    shard: int
    position: int

    @property
    def names(self) -> Names:
        """Tenant, person and session of the stream."""
        return names_of(self.entity)


class Rows(Protocol):
    """The rows of one view, as a fold sees them."""

    def of(self, table: Table[R], entity: str) -> dict[Key, R]:
        """All rows of a table that come from an entity, by key. Change it by `put` and `drop` only."""
        ...

    def one(self, table: Table[R], entity: str) -> R | None:
        """The row of a table that holds at most one row an entity."""
        ...

    def put(self, table: Table[R], record: R) -> None:
        """Write a row, over the one with the same key."""
        ...

    def drop(self, table: Table[R], record: R) -> None:
        """Remove a row."""
        ...

    def append(self, table: Table[R], columns: Columns) -> None:
        """Write a row whose first column is its entity and which no fold reads again."""
        ...

    def forget(self, owner: str) -> None:
        """Remove all rows of a session, or of a person with all their sessions, from all tables of the view."""
        ...

    def prepared(self, event: Event) -> bytes | None:
        """What the view's `prepare` made of an event of this batch, if anything."""
        ...


Fold = Callable[[Rows, Origin, Event], None]
Prepare = Callable[[Iterable[Event]], Mapping[int, bytes]]
"""Works on a whole batch at once; results by `id` of the event. It never fails: what it cannot do, it leaves out."""


@dataclass(frozen=True)
class View:
    """A structured table (or a few that belong together) and how events change it.

    Deleted sessions and erased people are not the fold's business: their rows leave all tables of every view. Only a
    view that has something to say about a deletion lists `SessionDeleted`, and then calls `rows.forget` itself.

    Attributes:
        version: Raised whenever the fold or the layout changes: other versions' tables are never written.
        events: Event types that the fold looks at.
        kept_positions: Where set, the first table has a column `position`, and rows further than this many positions
            behind the shard's offset are dropped. Counted in positions of the log, never in rows or in time: both
            would differ once an erased person's events can no longer be read.
        prepare: Does for a batch what costs more event by event; the fold must come to the same rows without it.
    """

    name: str
    version: int
    tables: tuple[Table[Record], ...]
    events: frozenset[type[Event]]
    fold: Fold
    kept_positions: int | None = None
    prepare: Prepare | None = None


def view(
    name: str, version: int, tables: tuple[object, ...], events: tuple[type[Event], ...], fold: Fold,
    kept_positions: int | None = None, prepare: Prepare | None = None,
) -> View:  # fmt: skip
    """Make a view out of tables of any record types."""
    return View(name, version, tables, frozenset(events), fold, kept_positions, prepare)  # type: ignore[arg-type]  # a tuple of tables is invariant in their records
