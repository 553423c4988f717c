"""The rules by which views are written to a cluster, taken away one at a time: the tables must come out wrong."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from unittest.mock import patch

from kinelog.cassandra_session.connection import Connection
from kinelog.projections.cassandra import fold_rows, parked_events, stored_table
from kinelog.projections.cassandra.cassandra_views import IN_FLIGHT, ROWS_A_GROUP, CassandraViews
from kinelog.projections.cassandra.fold_rows import CassandraRows
from kinelog.projections.cassandra.generations import Clocks
from kinelog.projections.cassandra.planning import PlannedWrites, in_pieces
from kinelog.projections.fold import View
from kinelog.projections.row_buffer import StoredRows
from kinelog.projections.view_store import Batch, Generation
from typing_extensions import override

from tests.simulation.views.floor import SHARDS
from tests.simulation.views.views_world import KEYSPACES, ViewsWorld


class FoldsBeforeRows(CassandraViews):
    """Says that an entity is folded, and then writes its rows: who dies in between leaves a hole for ever."""

    @override
    def _write_rows(self, planned: PlannedWrites) -> None:
        self._connection.write_all(planned.folds.values(), IN_FLIGHT)
        self._connection.write_all(in_pieces(planned.rows, ROWS_A_GROUP), IN_FLIGHT)
        self._connection.write_all(planned.ends.values(), IN_FLIGHT)


class OffsetBeforeRows(CassandraViews):
    """Moves the offset, and then writes what it speaks of."""

    @override
    def _write_down(self, batches: Sequence[Batch]) -> PlannedWrites:
        self._move_offsets(batches)
        return super()._write_down(batches)


class KeysAfterRows(CassandraViews):
    """Writes rows, and only then down where they stand: who dies in between leaves rows that no erasure finds."""

    @override
    def _write_down(self, batches: Sequence[Batch]) -> PlannedWrites:
        return self._plan(batches)

    @override
    def _write_rows(self, planned: PlannedWrites) -> None:
        super()._write_rows(planned)
        self._connection.write_all([*planned.listings.values(), *planned.notes.values()], IN_FLIGHT)


class LooksForNoErasures(CassandraViews):
    """Writes rows of people without a look whether somebody further in the log has erased them."""

    @override
    def _forget_erased(self, batches: Sequence[Batch]) -> bool:
        return False


class UngatedRows(CassandraRows):
    """Does not say how far its rows are folded."""

    @override
    def applied(self, entity: str) -> int:
        return 0


class FoldsTwice(CassandraViews):
    """Folds an event into rows that have it already."""

    @override
    def rows(self, view: View, generation: Generation) -> StoredRows:
        self._views[view.name] = view
        return UngatedRows(self._connection, view, self._tables_of(generation).fold)


@contextmanager
def deletes_as_late_as_rows() -> Iterator[None]:
    """Let a delete hide the row that the same event writes."""

    def late(position: int) -> int:
        return 2 * position + 1

    with ExitStack() as patches:
        for module in (fold_rows, parked_events, stored_table):
            patches.enter_context(patch.object(module, "time_of_delete", late))
        yield


class EveryViewTable(Container[str]):
    """Every table that views are written to."""

    __slots__ = ()

    @override
    def __contains__(self, table: object) -> bool:
        return isinstance(table, str) and table.startswith(f"{KEYSPACES.views}.")


@dataclass(frozen=True, slots=True)
class ViewAblation:
    """What a rule's absence looks like.

    Attributes:
        store: What the workers write by.
        by_the_clock: Tables whose writes are stamped with a clock instead of a position.
        around: What holds while a run lasts.
    """

    store: type[CassandraViews] = CassandraViews
    by_the_clock: Container[str] = frozenset()
    around: Callable[[], AbstractContextManager[None]] = nullcontext

    def run(self, seed: int, trace: Callable[[str], None] | None = None) -> list[str]:
        """Run one seed without the rule."""
        with self.around():
            return ViewsWorld(seed, self._make_store, self.by_the_clock, trace).run()

    def _make_store(self, connection: Connection, clocks: Clocks) -> CassandraViews:
        return self.store(connection, SHARDS, clocks=clocks)


VIEWS_AS_THEY_ARE = ViewAblation()

VIEW_ABLATIONS: dict[str, ViewAblation] = {
    "rows-before-folds": ViewAblation(FoldsBeforeRows),
    "rows-before-offset": ViewAblation(OffsetBeforeRows),
    "keys-before-rows": ViewAblation(KeysAfterRows),
    "look-for-erasures": ViewAblation(LooksForNoErasures),
    "fold-once": ViewAblation(FoldsTwice),
    "deletes-below-rows": ViewAblation(around=deletes_as_late_as_rows),
    "positions-not-clocks": ViewAblation(by_the_clock=EveryViewTable()),
}
