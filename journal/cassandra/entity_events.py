"""The index of each entity's events: the tables `entity_events` and `index_offsets`.

`entity_events` says where an entity's events are without the rest of its shard. It is derived from the log, lags behind
it, and is complete up to the shard's offset: rows are written first, the offset last. Its rows are stamped with the
position of their last event, and the offset with its own, so who writes late or twice changes nothing.

An index has *generations*, so that it can be built anew beside the one that is read. The newest number stands with
the offset, and counts above any position in its timestamp: an indexer that is still at work on an older generation
writes rows that nobody looks for and an offset that loses. A log that was restored has another incarnation, and so an
index of its own: sequence numbers of the lost timeline say nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import NamedTuple, cast

from kinelog.cassandra_session.connection import Access, Connection, Row, Statement
from kinelog.cassandra_session.errors import CassandraError
from kinelog.journal.cassandra.entity_blocks import EntityRow, entity_rows, runs_of_row, stretch_of
from kinelog.journal.cassandra.store_errors import as_journal_error, as_journal_errors
from kinelog.journal.commit_row import CommitRow, Run

READ_ROWS = 64
"""Rows of one read; a row has up to 128 KiB of events and the rest of a run."""

_GENERATION_SHIFT = 40
_DELETED = (1 << _GENERATION_SHIFT) - 1
"""Above the timestamp of every row: positions stay below 2⁴⁰."""

_OFFSET = Statement(
    "SELECT generation, position FROM {log}.index_offsets WHERE incarnation = ? AND shard = ?", Access.READ
)
_MOVE = Statement(
    "INSERT INTO {log}.index_offsets (incarnation, shard, generation, position) VALUES (?, ?, ?, ?) USING TIMESTAMP ?",
    Access.WRITE,
)
_READ = Statement(
    "SELECT last_sequence, content FROM {log}.entity_events "
    "WHERE incarnation = ? AND generation = ? AND entity = ? AND stretch = ? AND last_sequence > ? LIMIT ?",
    Access.READ,
)
_WRITE = Statement(
    "INSERT INTO {log}.entity_events (incarnation, generation, entity, stretch, last_sequence, content) "
    "VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
    Access.WRITE,
)
_DELETE = Statement(
    "DELETE FROM {log}.entity_events USING TIMESTAMP ? "
    "WHERE incarnation = ? AND generation = ? AND entity = ? AND stretch = ?",
    Access.WRITE,
)


class Offset(NamedTuple):
    """Up to where the index of a shard is complete; a newer generation counts above any position."""

    generation: int
    position: int


class EntityEvents:
    """Both tables, for one incarnation of the log. Thread-safe. Every method may raise `UnavailableError`."""

    def __init__(self, connection: Connection, incarnation: str) -> None:
        """Use a connection."""
        self._connection = connection
        self._incarnation = incarnation

    def offset(self, shard: int) -> Offset:
        """How far the shard's index goes; the beginning if there is none yet."""
        with as_journal_errors():
            return _offset(self._connection.ask(_OFFSET, (self._incarnation, shard)))

    def offset_soon(self, shard: int, done: Callable[[Offset | None], None]) -> None:
        """As `offset`, without waiting; `done` is called on the connection's thread for answers, None: no answer."""
        self._connection.ask_soon(
            _OFFSET,
            (self._incarnation, shard),
            lambda answer: done(None if isinstance(answer, CassandraError) else _offset(answer)),
        )

    def move_offset(self, shard: int, offset: Offset) -> None:
        """Say that the index is complete up to there; a later or repeated write never brings an older one back."""
        timestamp = (offset.generation << _GENERATION_SHIFT) + offset.position
        with as_journal_errors():
            self._connection.ask(_MOVE, (self._incarnation, shard, *offset, timestamp))

    def write(self, generation: int, block: Sequence[CommitRow]) -> None:
        """Copy a block of commits; once this returned, the offset may be moved behind it.

        Raises:
            CorruptError: A commit is damaged.
        """
        # One statement a row: batches over partitions help nobody, and servers refuse large ones.
        rows = entity_rows(block)
        with as_journal_errors():
            self._connection.write_all([(_WRITE, self._values(generation, row))] for row in rows)

    def read(self, generation: int, entity: str, after_sequence: int) -> Iterator[tuple[Run, bytes]]:
        """The entity's runs from the one that holds event `after_sequence + 1` on, with their bytes.

        The next rows are on their way while these are consumed.

        Raises:
            CorruptError: A row is damaged.
        """
        after = after_sequence
        stretch = stretch_of(after + 1)
        pending = self._ask(generation, entity, stretch, after)
        while rows := cast("list[tuple[int, bytes]]", pending.result()):
            after = rows[-1][0]
            more = len(rows) == READ_ROWS or stretch_of(after + 1) != stretch
            if more:
                stretch = stretch_of(after + 1)
                pending = self._ask(generation, entity, stretch, after)
            for last_sequence, content in rows:
                yield from runs_of_row(entity, last_sequence, content)
            if not more:
                return

    def delete(self, generation: int, stretches: Iterable[tuple[str, int]]) -> None:
        """Delete stretches (entity, number) of a generation that is not read any more."""
        with as_journal_errors():
            self._connection.write_all(
                [(_DELETE, (_DELETED, self._incarnation, generation, entity, stretch))] for entity, stretch in stretches
            )

    def _values(self, generation: int, row: EntityRow) -> tuple[str | int | bytes, ...]:
        stretch = stretch_of(row.last_sequence)
        key = (self._incarnation, generation, row.entity, stretch, row.last_sequence)
        return (*key, row.content, row.position)

    def _ask(self, generation: int, entity: str, stretch: int, after: int) -> Future[list[Row]]:
        answer: Future[list[Row]] = Future()

        def told(rows: list[Row] | CassandraError) -> None:
            if isinstance(rows, CassandraError):
                answer.set_exception(as_journal_error(rows))
            else:
                answer.set_result(rows)

        values = (self._incarnation, generation, entity, stretch, after, READ_ROWS)
        self._connection.ask_soon(_READ, values, told)
        return answer


def _offset(rows: list[Row]) -> Offset:
    if not rows:
        return Offset(0, 0)
    generation, position = cast("tuple[int, int]", rows[0])
    return Offset(generation, position)
