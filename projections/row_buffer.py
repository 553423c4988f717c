"""The rows of one view in memory: read once, changed many times in a batch, written once at its end."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

from kinelog.domain.events import Event
from kinelog.projections.fold import Origin, Rows, View
from kinelog.projections.tables import Columns, Key, R, Record, Table
from typing_extensions import override

KEPT_ENTITIES = 60_000
"""Loaded (table, entity) pairs that stay in memory between batches."""


class StoredRows(ABC):
    """Where a fold starts: the rows of one generation of a view, as they are stored."""

    @abstractmethod
    def fetch(self, entities: Iterable[str]) -> None:
        """Told which entities a batch will ask for: a store that is far away reads them in one go."""

    @abstractmethod
    def load(self, table: Table[Record], entity: str) -> list[Record]:
        """All rows of a table that come from an entity."""

    @abstractmethod
    def applied(self, entity: str) -> int:
        """Position up to which the entity's rows are folded, where that may be beyond the shard's offset; else 0."""

    @abstractmethod
    def let_go(self) -> None:
        """What was read before may be out of date: read it again when it is asked for."""


class Change(NamedTuple):
    """The last change of a row in a batch.

    Attributes:
        at: The event that made it.
        record: The row, None if it was dropped.
        dropped: What was dropped, as it was then: the fold may go on to change the record and put it elsewhere.
    """

    at: Origin
    record: Record | None
    dropped: Record | None


class Appended(NamedTuple):
    """A row that no fold reads again, and the event that made it."""

    at: Origin
    columns: Columns


class Forgotten(NamedTuple):
    """A session, or a person with all their sessions, whose rows go; what a batch puts later stays.

    Attributes:
        lost: What the batch had changed of theirs before, by table: it is never written, but a worker whose batch ended
            earlier may be about to write it.
        lost_lines: What the batch had appended.
    """

    owner: str
    at: Origin
    lost: list[tuple[str, Change]]
    lost_lines: list[tuple[str, Appended]]


class RowBuffer(Rows):
    """A view's rows as the fold sees them, and what has to be written.

    Records are changed in place, so a batch that fails must end in `reset`.

    Attributes:
        at: The event that is being folded; set it before each.
    """

    def __init__(self, view: View, stored: StoredRows) -> None:
        """Start empty over a store."""
        self.view = view
        self.stored = stored
        self.at = Origin("", 0, 0)
        self._loaded: dict[tuple[str, str], dict[Key, Record]] = {}
        self._forgotten: set[str] = set()
        self.dirty: dict[str, dict[Key, Change]] = {table.name: {} for table in view.tables}
        self.appended: dict[str, list[Appended]] = {table.name: [] for table in view.tables}
        self.forgotten: list[Forgotten] = []
        self._prepared: Mapping[int, bytes] = {}

    def prepare(self, events: Iterable[Event]) -> None:
        """Let the view look at all events of the batch that begins."""
        if self.view.prepare is not None:
            self._prepared = self.view.prepare(events)

    @override
    def of(self, table: Table[R], entity: str) -> dict[Key, R]:
        slot = (table.name, entity)
        rows = self._loaded.get(slot)
        if rows is None:
            rows = {}
            if not self._is_forgotten(entity):
                generic = cast("Table[Record]", table)
                rows = {generic.key_of(record): record for record in self.stored.load(generic, entity)}
            self._loaded[slot] = rows
        return cast("dict[Key, R]", rows)

    @override
    def one(self, table: Table[R], entity: str) -> R | None:
        rows = self._loaded.get((table.name, entity))
        if rows is None:
            return next(iter(self.of(table, entity).values()), None)
        for record in rows.values():
            return cast("R", record)
        return None

    @override
    def put(self, table: Table[R], record: R) -> None:
        name, entity = table.name, record.entity
        key = table.key_of(record)
        rows = self._loaded.get((name, entity))
        if rows is None:
            rows = cast("dict[Key, Record]", self.of(table, entity))
        rows[key] = record
        self.dirty[name][key] = Change(self.at, record, None)

    @override
    def drop(self, table: Table[R], record: R) -> None:
        key = table.key_of(record)
        self.of(table, record.entity).pop(key, None)
        self.dirty[table.name][key] = Change(self.at, None, copy.copy(record))

    @override
    def append(self, table: Table[R], columns: Columns) -> None:
        self.appended[table.name].append(Appended(self.at, columns))

    @override
    def forget(self, owner: str) -> None:
        self._forgotten.add(owner)
        inside = owner + "/"

        def belongs(entity: str) -> bool:
            return entity == owner or entity.startswith(inside)

        lost = [(name, c) for name, changed in self.dirty.items() for c in changed.values() if belongs(c.at.entity)]
        lines = [(name, line) for name, all_ in self.appended.items() for line in all_ if belongs(line.at.entity)]
        self.forgotten.append(Forgotten(owner, self.at, lost, lines))
        for slot in [slot for slot in self._loaded if belongs(slot[1])]:
            del self._loaded[slot]
        for name, changed in self.dirty.items():
            self.dirty[name] = {key: change for key, change in changed.items() if not belongs(change.at.entity)}
        for name, appended in self.appended.items():
            self.appended[name] = [line for line in appended if not belongs(line.at.entity)]

    @override
    def prepared(self, event: Event) -> bytes | None:
        return self._prepared.get(id(event))

    def written(self) -> None:
        """The changes are in the store: start the next batch, keep what was read."""
        for changed in self.dirty.values():
            changed.clear()
        for lines in self.appended.values():
            lines.clear()
        self.forgotten.clear()
        self._forgotten.clear()
        self._prepared = {}
        if len(self._loaded) > KEPT_ENTITIES:
            self._loaded.clear()
            self.stored.let_go()

    def reset(self) -> None:
        """Drop all changes and everything that was read."""
        self._loaded.clear()
        self.stored.let_go()
        self.written()

    def _is_forgotten(self, entity: str) -> bool:
        if not self._forgotten:
            return False
        return entity in self._forgotten or entity.rpartition("/")[0] in self._forgotten
