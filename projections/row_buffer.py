"""The rows of one view in memory: read once, changed many times in a batch, written once at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from kinelog.domain.events import Event
from kinelog.projections.fold import Rows, View
from kinelog.projections.tables import Columns, Key, R, Record, Table
from typing_extensions import override

Loader = Callable[[Table[Record], str], list[Record]]
"""Reads all rows of an entity from the store."""

KEPT_ENTITIES = 60_000
"""Loaded (table, entity) pairs that stay in memory between batches."""


class RowBuffer(Rows):
    """A view's rows as the fold sees them, and what has to be written.

    Records are changed in place, so a batch that fails must end in `reset`.
    """

    def __init__(self, view: View, load: Loader) -> None:
        """Start empty over a store."""
        self.view = view
        self._load = load
        self._loaded: dict[tuple[str, str], dict[Key, Record]] = {}
        self._forgotten: set[str] = set()
        self.dirty: dict[str, dict[Key, tuple[str, Record | None]]] = {table.name: {} for table in view.tables}
        self.appended: dict[str, list[Columns]] = {table.name: [] for table in view.tables}
        self.forget_first: list[str] = []
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
                rows = {generic.key_of(record): record for record in self._load(generic, entity)}
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
        self.dirty[name][key] = (entity, record)

    @override
    def drop(self, table: Table[R], record: R) -> None:
        key = table.key_of(record)
        self.of(table, record.entity).pop(key, None)
        self.dirty[table.name][key] = (record.entity, None)

    @override
    def append(self, table: Table[R], columns: Columns) -> None:
        self.appended[table.name].append(columns)

    @override
    def forget(self, owner: str) -> None:
        self._forgotten.add(owner)
        self.forget_first.append(owner)
        inside = owner + "/"

        def belongs(entity: str) -> bool:
            return entity == owner or entity.startswith(inside)

        for slot in [slot for slot in self._loaded if belongs(slot[1])]:
            del self._loaded[slot]
        for name, changed in self.dirty.items():
            self.dirty[name] = {key: change for key, change in changed.items() if not belongs(change[0])}
        for name, lines in self.appended.items():
            self.appended[name] = [columns for columns in lines if not belongs(str(columns[0]))]

    @override
    def prepared(self, event: Event) -> bytes | None:
        return self._prepared.get(id(event))

    def written(self) -> None:
        """The changes are in the store: start the next batch, keep what was read."""
        for changed in self.dirty.values():
            changed.clear()
        for lines in self.appended.values():
            lines.clear()
        self.forget_first.clear()
        self._forgotten.clear()
        self._prepared = {}
        if len(self._loaded) > KEPT_ENTITIES:
            self._loaded.clear()

    def reset(self) -> None:
        """Drop all changes and everything that was read."""
        self._loaded.clear()
        self.written()

    def _is_forgotten(self, entity: str) -> bool:
        if not self._forgotten:
            return False
        return entity in self._forgotten or entity.rpartition("/")[0] in self._forgotten
