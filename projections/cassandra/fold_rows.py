"""What folds read again of an entity, and where its rows stand: one partition an entity, for each generation of a view.

Places in a partition are

* `r…`: a record, with the position that changed it last;
* `k…`: a key under which a query table may have rows of the entity, written before those rows;
* `e…`: in a person's own partition, one of their sessions that has rows;
* `.`: a mark, where the last change left no record that could tell its position.

All records that a batch changes are written in one mutation, which is atomic. So the highest position in a partition,
that of the keys aside, says up to where the entity is folded, and the records are exactly those of that moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from kinelog.cassandra_session.connection import Access, Connection, Request, Statement, Value
from kinelog.cassandra_session.errors import MissingTableError
from kinelog.projections.cassandra.layout import Values
from kinelog.projections.cassandra.write_times import time_of_delete, time_of_row
from kinelog.projections.errors import ViewsMovedError
from kinelog.projections.fold import View
from kinelog.projections.row_buffer import StoredRows
from kinelog.projections.tables import Key, Record, Table
from typing_extensions import override

MARK = b"."
RECORD = b"r"
NOTED_KEY = b"k"
SESSION = b"e"

_ENCODER = msgspec.msgpack.Encoder()
_KEY = msgspec.msgpack.Decoder(list)


@dataclass
class Held:
    """What is known of one entity.

    Attributes:
        applied: Up to where its stored records are folded.
        records: Stored records, by table.
        noted: Places of noted keys.
        listed: Whether its person's partition names it.
    """

    applied: int = 0
    records: dict[str, list[Record]] = field(default_factory=dict)
    noted: set[bytes] = field(default_factory=set)
    listed: bool = False


class FoldTable:
    """Statements of the table that a generation of a view keeps its fold's rows in."""

    def __init__(self, view: str, generation: int) -> None:
        """Word the statements; nothing is sent."""
        self.name = f"fold_{view}_{generation}"
        stored = f"{{views}}.{self.name}"
        self._select = Statement(f"SELECT place, position, content FROM {stored} WHERE entity = ?", Access.READ)  # noqa: S608  # names are ours
        self._insert = Statement(
            f"INSERT INTO {stored} (entity, place, position, content) VALUES (?, ?, ?, ?) USING TIMESTAMP ?",  # noqa: S608
            Access.WRITE,
        )
        self._delete = Statement(
            f"DELETE FROM {stored} USING TIMESTAMP ? WHERE entity = ? AND place = ?",  # noqa: S608
            Access.WRITE,
        )
        self._forget = Statement(f"DELETE FROM {stored} USING TIMESTAMP ? WHERE entity = ?", Access.WRITE)  # noqa: S608

    @property
    def definition(self) -> str:
        """The statement that makes the table."""
        return (
            f"CREATE TABLE IF NOT EXISTS {{views}}.{self.name}"
            " (entity text, place blob, position bigint, content blob, PRIMARY KEY ((entity), place))"
        )

    def read(self, entity: str) -> Request:
        """Ask for everything of an entity."""
        return self._select, (entity,)

    def put(self, entity: str, place: bytes, position: int, content: bytes) -> Request:
        """Write a record or a mark."""
        return self._insert, (entity, place, position, content, time_of_row(position))

    def note(self, entity: str, place: bytes, position: int) -> Request:
        """Write down a key or a session; what it says of positions is no one's business."""
        return self._insert, (entity, place, 0, b"", time_of_row(position))

    def delete(self, entity: str, place: bytes, position: int) -> Request:
        """Delete a record or a noted key."""
        return self._delete, (time_of_delete(position), entity, place)

    def forget(self, entity: str, position: int) -> Request:
        """Delete everything of an entity."""
        return self._forget, (time_of_delete(position), entity)


def record_place(table: int, key: Key) -> bytes:
    """Place of a record of the view's n-th table."""
    return RECORD + _ENCODER.encode((table, *key))


def key_place(table: str, key: Values) -> bytes:
    """Place of a noted key of a query table."""
    return NOTED_KEY + _ENCODER.encode((table, *key))


def noted_key(place: bytes) -> tuple[str, Values]:
    """The query table and the key behind a place that `key_place` made."""
    table, *key = _KEY.decode(place[len(NOTED_KEY) :])
    return str(table), tuple(key)


def content_of(record: Record) -> bytes:
    """A record as it is stored.

    Raises:
        OverflowError, ValueError, TypeError: It holds what cannot be stored.
    """
    return _ENCODER.encode(record)


class CassandraRows(StoredRows):
    """Reads what a fold starts from; keeps what it was told of entities until `let_go`."""

    def __init__(self, connection: Connection, view: View, table: FoldTable) -> None:
        """Nothing is read yet."""
        self.table = table
        self._connection = connection
        self._names = [table.name for table in view.tables]
        self._decoders = [msgspec.msgpack.Decoder(table.record) for table in view.tables]
        self._held: dict[str, Held] = {}

    @override
    def fetch(self, entities: Iterable[str]) -> None:
        cold = [entity for entity in entities if entity not in self._held]
        if cold:
            try:
                answers = self._connection.ask_all(self.table.read(entity) for entity in cold)
            except MissingTableError as error:
                raise ViewsMovedError(f"the tables of a generation were dropped: {error}") from error
            for entity, rows in zip(cold, answers, strict=True):
                self._held[entity] = self._read(rows)

    @override
    def load(self, table: Table[Record], entity: str) -> list[Record]:
        return self.held(entity).records.pop(table.name, [])

    @override
    def applied(self, entity: str) -> int:
        return self.held(entity).applied

    @override
    def let_go(self) -> None:
        self._held.clear()

    def held(self, entity: str) -> Held:
        """What is known of an entity."""
        held = self._held.get(entity)
        if held is None:
            self.fetch((entity,))
            held = self._held[entity]
        return held

    def forgotten(self, owner: str, position: int) -> None:
        """Everything of a session or a person is about to go, by the event at this position."""
        inside = owner + "/"
        for entity in [entity for entity in self._held if entity == owner or entity.startswith(inside)]:
            self._held[entity] = Held()
        self._held[owner] = Held(applied=position)

    def _read(self, rows: list[tuple[Value, ...]]) -> Held:
        held = Held(listed=bool(rows))
        for place, position, content in rows:
            if not (isinstance(place, bytes) and isinstance(position, int) and isinstance(content, bytes)):
                raise TypeError(f"{self.table.name}: a row without its columns")  # written by nobody that we know
            kind = place[:1]
            if kind == RECORD:
                number = _KEY.decode(place[1:])[0]
                index = number if isinstance(number, int) else 0
                held.records.setdefault(self._names[index], []).append(self._decoders[index].decode(content))
            elif kind == NOTED_KEY:
                held.noted.add(place)
            held.applied = max(held.applied, position)
        return held
