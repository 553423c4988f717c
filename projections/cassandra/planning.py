"""From a folded batch to statements, in the order in which they have to be written.

1. `listings`: sessions that are new to a person, in the person's own partition.
2. `notes`: keys that are new to an entity.
3. `rows`: rows and deletes of the query tables.
4. `folds`: an entity's records, in one mutation that says how far they are folded.
5. `ends`: what says which sessions an erased person had, when all of these are gone.

Whoever dies in between has left rows that the next fold of the same events writes again, all of them under keys that
are written down. Nothing is sent here, but for reading what has to be forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kinelog.cassandra_session.connection import Connection, Request
from kinelog.projections.cassandra.fold_rows import (
    MARK,
    NOTED_KEY,
    SESSION,
    CassandraRows,
    Held,
    content_of,
    key_place,
    noted_key,
    record_place,
)
from kinelog.projections.cassandra.generation_tables import GenerationTables
from kinelog.projections.cassandra.layout import Forgetting, Values
from kinelog.projections.cassandra.stored_table import StoredTable
from kinelog.projections.fold import Origin, owner_of
from kinelog.projections.row_buffer import Appended, Change, Forgotten, RowBuffer
from kinelog.projections.tables import Key, Record, Table

Groups = defaultdict[object, list[Request]]
"""Statements that go out together, since they are for one partition."""

Put = tuple[Values, Origin]


def _groups() -> Groups:
    return defaultdict(list)


@dataclass
class PlannedWrites:
    """Statements by phase, grouped by partition.

    Attributes:
        forgotten: Persons whose parked events go, and by the event at which position.
        searched: Whether there are rows that are found again by searching only.
    """

    listings: Groups = field(default_factory=_groups)
    notes: Groups = field(default_factory=_groups)
    rows: Groups = field(default_factory=_groups)
    folds: Groups = field(default_factory=_groups)
    ends: Groups = field(default_factory=_groups)
    forgotten: dict[str, int] = field(default_factory=dict)
    searched: bool = False

    def take_over(self, earlier: PlannedWrites) -> None:
        """Write down what an earlier plan of the same batches would have, too, but for people forgotten since."""
        for mine, theirs in ((self.listings, earlier.listings), (self.notes, earlier.notes)):
            for group, requests in theirs.items():
                if not (isinstance(group, str) and owner_of(group) in self.forgotten):
                    mine[group] += requests


class Planner:
    """Plans the writes of one generation."""

    def __init__(self, connection: Connection, tables: GenerationTables, stored: CassandraRows) -> None:
        """Plan for these tables; `stored` knows which keys are written down."""
        self._connection = connection
        self._tables = tables
        self._stored = stored
        self._fold = tables.fold
        self._blocks_known: set[tuple[str, Values]] = set()

    def plan(self, buffer: RowBuffer, planned: PlannedWrites) -> None:
        """Add everything that a batch changed.

        Raises:
            OverflowError, ValueError, TypeError: A value that no column can hold.
            CassandraError: What is to be forgotten cannot be read.
        """
        for forgotten in buffer.forgotten:
            self.forget(forgotten, planned)
        self._plan_sessions_of_erased(buffer.forgotten, planned)
        put: dict[str, int] = {}
        dropped: dict[str, int] = {}
        for number, table in enumerate(self._tables.view.tables):
            changes = buffer.dirty[table.name]
            if changes:
                self._plan_records(number, changes, planned, put, dropped)
                self._plan_shown(table, changes, planned)
            if buffer.appended[table.name]:
                self._plan_appended(table, buffer.appended[table.name], planned)
        for entity, position in dropped.items():
            if position > put.get(entity, 0):
                planned.folds[entity].append(self._fold.put(entity, MARK, position, b""))

    def forget(self, forgotten: Forgotten, planned: PlannedWrites) -> None:
        """Take a session, or a person with all their sessions, out of every table.

        Their rows are found by the keys that are written down, and by what the batch itself would have written: a
        worker that is about to write the same has not necessarily written its keys down yet.
        """
        owner, at = forgotten.owner, forgotten.at
        entities = self._plan_noted(owner, at, planned)
        for shown, row in self._lost(forgotten):
            planned.rows[shown.partition_of(row)].append(shown.delete(shown.key_of(row), at.position))
        for entity in entities:
            phase = planned.ends if entity == owner_of(owner) else planned.folds
            phase[entity].append(self._fold.forget(entity, at.position))
        self._stored.forgotten(owner, at.position)
        if owner_of(owner) == owner:
            planned.forgotten[owner] = at.position
        else:  # a deleted session stays deleted: events that are folded again must not bring it back
            self._list(owner, self._stored.held(owner), at, planned)
            planned.folds[owner].append(self._fold.put(owner, MARK, at.position, b""))

    def _plan_sessions_of_erased(self, all_forgotten: Sequence[Forgotten], planned: PlannedWrites) -> None:
        """Take back the marks of sessions whose person goes in the same batch.

        Such a session need not be listed with its person: who erased them first may have deleted the list at a later
        position than this worker's note in it.
        """
        erased = {gone.owner: gone.at.position for gone in all_forgotten if owner_of(gone.owner) == gone.owner}
        for session in all_forgotten if erased else ():
            position = erased.get(owner_of(session.owner), 0)
            if session.at.position < position:
                planned.folds[session.owner].append(self._fold.forget(session.owner, position))

    # ── records ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _plan_records(
        self,
        number: int,
        changes: dict[Key, Change],
        planned: PlannedWrites,
        put: dict[str, int],
        dropped: dict[str, int],
    ) -> None:
        fold = self._fold
        for key, change in changes.items():
            entity, position = change.at.entity, change.at.position
            place = record_place(number, key)
            if change.record is None:
                planned.folds[entity].append(fold.delete(entity, place, position))
                dropped[entity] = max(dropped.get(entity, 0), position)
                continue
            held = self._stored.held(entity)
            if not held.listed:
                self._list(entity, held, change.at, planned)
            planned.folds[entity].append(fold.put(entity, place, position, content_of(change.record)))
            put[entity] = max(put.get(entity, 0), position)

    def _plan_shown(self, table: Table[Record], changes: dict[Key, Change], planned: PlannedWrites) -> None:
        for shown in self._tables.shown[table.name]:
            rows_of = shown.table.of_record
            if rows_of is None:
                continue
            puts: list[Put] = []
            for change in changes.values():
                if change.record is not None:
                    puts += [(row, change.at) for row in rows_of(change.record, change.at)]
                elif change.dropped is not None:
                    for row in rows_of(change.dropped, change.at):
                        self._plan_delete(shown, row, change.at, planned)
            self._plan_puts(shown, puts, planned)

    def _plan_appended(self, table: Table[Record], lines: Sequence[Appended], planned: PlannedWrites) -> None:
        for shown in self._tables.shown[table.name]:
            rows_of = shown.table.of_columns
            if rows_of is not None:
                puts = [(row, line.at) for line in lines for row in rows_of(line.columns, line.at)]
                self._plan_puts(shown, puts, planned)

    # ── rows of query tables ─────────────────────────────────────────────────────────────────────────────────────

    def _plan_puts(self, shown: StoredTable, puts: Sequence[Put], planned: PlannedWrites) -> None:
        shown.check([row for row, _ in puts])
        newest: dict[Values, Put] = {}
        for put in puts:
            key = shown.key_of(put[0])
            before = newest.get(key)
            if before is None or before[1].position <= put[1].position:
                newest[key] = put
        name, by_row = shown.table.name, shown.table.forgetting is Forgetting.ROW
        blocks = self._tables.blocks.get(name)
        planned.searched |= bool(newest) and shown.table.forgetting is Forgetting.SEARCH
        for key, (row, at) in newest.items():
            partition = shown.partition_in(key)
            planned.rows[partition].append(shown.put(row, at.position))
            held = self._stored.held(at.entity)
            place = key_place(name, key if by_row else partition)
            if place not in held.noted:
                held.noted.add(place)
                planned.notes[at.entity].append(self._fold.note(at.entity, place, at.position))
                self._list(at.entity, held, at, planned)
            if blocks is not None and (name, partition) not in self._blocks_known:
                self._blocks_known.add((name, partition))
                planned.notes[name, partition].append(blocks.add(at.shard, at.position, partition))

    def _plan_delete(self, shown: StoredTable, row: Values, at: Origin, planned: PlannedWrites) -> None:
        key = shown.key_of(row)
        planned.rows[shown.partition_in(key)].append(shown.delete(key, at.position))
        if shown.table.forgetting is Forgetting.ROW:
            place = key_place(shown.table.name, key)
            self._stored.held(at.entity).noted.discard(place)
            planned.folds[at.entity].append(self._fold.delete(at.entity, place, at.position))

    def _list(self, entity: str, held: Held, at: Origin, planned: PlannedWrites) -> None:
        """Let a person's partition name a session that gets its first rows."""
        owner = owner_of(entity)
        if not held.listed and owner != entity:
            planned.listings[owner].append(self._fold.note(owner, SESSION + entity.encode(), at.position))
        held.listed = True

    # ── forgetting ───────────────────────────────────────────────────────────────────────────────────────────────

    def _plan_noted(self, owner: str, at: Origin, planned: PlannedWrites) -> list[str]:
        """Delete everything under keys that are written down; the entities that have to be forgotten."""
        ((own),) = self._connection.ask_all([self._fold.read(owner)])
        listed = [place[1:].decode() for place, *_ in own if isinstance(place, bytes) and place[:1] == SESSION]
        partitions = [own, *self._connection.ask_all(self._fold.read(entity) for entity in listed)]
        entities = [owner, *listed]
        for entity, found in zip(entities, partitions, strict=True):
            for place, *_ in found:
                if isinstance(place, bytes) and place[:1] == NOTED_KEY:
                    self._plan_forgotten_key(entity, place, at, planned)
        return entities

    def _plan_forgotten_key(self, entity: str, place: bytes, at: Origin, planned: PlannedWrites) -> None:
        name, key = noted_key(place)
        shown = self._tables.by_name[name]
        partition = shown.partition_in(key)
        match shown.table.forgetting:
            case Forgetting.ROW:
                planned.rows[partition].append(shown.delete(key, at.position))
            case Forgetting.PARTITION:
                planned.rows[partition].append(shown.delete_partition(partition, at.position))
            case Forgetting.SEARCH:
                for whose, *clustering in self._connection.ask(*shown.search(partition)):
                    if whose == entity:
                        planned.rows[partition].append(shown.delete((*partition, *clustering), at.position))

    def _lost(self, forgotten: Forgotten) -> Iterator[tuple[StoredTable, Values]]:
        for name, change in forgotten.lost:
            record = change.dropped if change.record is None else change.record
            for shown in self._tables.shown[name]:
                if shown.table.of_record is not None and record is not None:
                    yield from ((shown, row) for row in shown.table.of_record(record, change.at))
        for name, line in forgotten.lost_lines:
            for shown in self._tables.shown[name]:
                if shown.table.of_columns is not None:
                    yield from ((shown, row) for row in shown.table.of_columns(line.columns, line.at))


def in_pieces(groups: Groups, most: int) -> Iterable[Sequence[Request]]:
    """The groups, none larger than `most` statements: a group is one message."""
    for group in groups.values():
        for start in range(0, len(group), most):
            yield group[start : start + most]
