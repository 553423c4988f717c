"""The views' store on a cluster: no transactions, but rows that say how far they are folded.

Any number of workers may fold the same shards. Whoever writes starts from an exact state, and writes what the log says
of each position; a newer position wins wherever both write. See `docs/projections.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kinelog.cassandra_session.connection import Access, Connection, Request, Statement
from kinelog.cassandra_session.errors import (
    CassandraError,
    MissingTableError,
    SchemaError,
    UnknownWriteError,
    UnreachableError,
)
from kinelog.projections import metrics
from kinelog.projections.cassandra.erasures import Erasures
from kinelog.projections.cassandra.fold_rows import CassandraRows
from kinelog.projections.cassandra.generation_tables import GenerationTables, Layouts
from kinelog.projections.cassandra.generations import REAL_TIME, Clocks, Generations
from kinelog.projections.cassandra.layouts import LAYOUTS
from kinelog.projections.cassandra.parked_events import ParkedEvents
from kinelog.projections.cassandra.planning import PlannedWrites, Planner, in_pieces
from kinelog.projections.cassandra.registry import READERS_CACHE_S
from kinelog.projections.errors import ViewsMovedError
from kinelog.projections.fold import Origin, View
from kinelog.projections.row_buffer import Forgotten, StoredRows
from kinelog.projections.rows import ParkedRow
from kinelog.projections.view_store import (
    CANDIDATE,
    LIVE,
    RETIRED,
    Batch,
    CatchUp,
    Generation,
    Offset,
    ViewStore,
)
from kinelog.projections.views import VIEWS
from typing_extensions import override

LOOK_AGAIN_S = 5.0
"""How often a worker looks whether somebody else has folded its shards further."""

ROWS_A_GROUP = 64
IN_FLIGHT = 64

_OFFSETS = Statement("SELECT shard, position FROM {views}.offsets WHERE view_name = ? AND generation = ?", Access.READ)
_MOVE = Statement(
    "INSERT INTO {views}.offsets (view_name, generation, shard, position) VALUES (?, ?, ?, ?) USING TIMESTAMP ?",
    Access.WRITE,
)


class CassandraViews(ViewStore):
    """The views in the keyspace of a deployment. One thread at a time; the connection may be shared."""

    trouble = (CassandraError, ViewsMovedError)
    passing = (UnreachableError, UnknownWriteError, SchemaError)
    workers_at_once = 2
    batches_at_once = 4
    """An entity's rows are written once a batch, whatever number of events changed them."""

    def __init__(
        self,
        connection: Connection,
        shards: int,
        layouts: Layouts = LAYOUTS,
        clocks: Clocks = REAL_TIME,
    ) -> None:
        """Use a connection; its keyspaces have their schema.

        Args:
            connection: To the cluster; closing the store leaves it open.
            shards: Of the log.
            layouts: Query tables.
            clocks: Time; no row depends on it.
        """
        self._connection = connection
        self._shards = shards
        self._layouts = layouts
        self._clocks = clocks
        self._generations = Generations(connection, layouts, clocks)
        self._erasures = Erasures(connection)
        self._parked = ParkedEvents(connection)
        self._views = dict(VIEWS)
        self._tables: dict[tuple[str, int], GenerationTables] = {}

    @override
    def close(self) -> None:
        self._tables.clear()

    # ── generations ──────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def generations(self, state: str | None = None) -> list[Generation]:
        return [found for found in self._generations.all() if state is None or found.state == state]

    @override
    def begin(self, views: Sequence[View], incarnation: str, shards: int) -> None:
        self._generations.begin(views, incarnation)

    @override
    def take_up(self, views: Sequence[View], incarnation: str, shards: int) -> list[Generation]:
        return self._generations.take_up(views, incarnation)

    @override
    def switch(self, fresh: Sequence[Generation], catch_up: CatchUp) -> bool:
        """Announce the builds to live workers, which fold them too from then on; switch once nothing is lacking.

        A worker writes a candidate's offset before the live one's, so once all have heard of it, it never shows less.
        """
        if not catch_up(self._live_positions(fresh), self.apply):
            return False
        self._generations.announce(fresh)
        if self._live_positions(fresh):
            self._clocks.sleep(READERS_CACHE_S)  # whoever folds these views has seen the announcement then
        if not catch_up(self._live_positions(fresh), self.apply):
            return False
        self._generations.switch(fresh)
        return True

    @override
    def retire(self, generations: Sequence[Generation]) -> None:
        self._generations.retire(generations)

    @override
    def drop_retired(self) -> None:
        self._generations.drop_retired()

    def _live_positions(self, fresh: Sequence[Generation]) -> dict[int, int]:
        """How far readers have seen each shard; offsets of another incarnation say nothing about this log."""
        wanted = {(generation.view, generation.incarnation) for generation in fresh}
        positions: dict[int, int] = {}
        for live in self.generations(LIVE):
            if (live.view, live.incarnation) in wanted:
                for shard, offset in self.offsets(live).items():
                    positions[shard] = max(positions.get(shard, 0), offset.position)
        return {shard: position for shard, position in positions.items() if position}

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def change_mark(self) -> int:
        return (self._generations.seen().number << 32) + int(self._clocks.elapsed_s() / LOOK_AGAIN_S)

    @override
    def offsets(self, generation: Generation) -> dict[int, Offset]:
        offsets = dict.fromkeys(range(self._shards), Offset(0, 0))
        for shard, position in self._connection.ask(_OFFSETS, (generation.view, generation.generation)):
            if isinstance(shard, int) and isinstance(position, int):
                offsets[shard] = Offset(position, 0)
        return offsets

    @override
    def parked_owners(self, generation: Generation) -> set[str]:
        return self._parked.owners(generation)

    @override
    def parked(self, generation: Generation, owner: str | None = None) -> list[ParkedRow]:
        return self._parked.rows(generation, owner)

    @override
    def rows(self, view: View, generation: Generation) -> StoredRows:
        self._views[view.name] = view
        return CassandraRows(self._connection, view, self._tables_of(generation).fold)

    def _tables_of(self, generation: Generation) -> GenerationTables:
        name = (generation.view, generation.generation)
        tables = self._tables.get(name)
        if tables is None:
            tables = GenerationTables(self._views[generation.view], generation.generation, self._layouts)
            self._tables[name] = tables
        return tables

    def _planner(self, batch: Batch) -> Planner:
        stored = batch.buffer.stored
        if not isinstance(stored, CassandraRows):
            raise TypeError("a batch of another store")
        return Planner(self._connection, self._tables_of(batch.generation), stored)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def moved(self, offset: Offset, position: int) -> Offset:
        return Offset(position, 0)

    @override
    def apply(self, batches: Iterable[Batch]) -> None:
        """Write batches, each phase when the one before is acknowledged.

        Rows may be seen before their offset moves. Whatever is cut off in between is folded again.
        """
        batches = list(batches)
        self._refuse_retired(batches)
        erased = {owner: at for batch in batches for owner, at in batch.erased.items()}
        try:
            if erased:
                self._erasures.register(batches[0].generation.incarnation, erased)
            planned = self._write_down(batches)
            self._write_rows(planned)
            if planned.searched and self._forget_erased(batches):
                # A search by who erased somebody meanwhile may have come before these rows.
                self._write_rows(self._plan(batches))
            for batch in batches:
                if batch.parked or batch.released:
                    self._parked.change(batch)
                for owner, position in planned.forgotten.items():
                    self._parked.forget(batch.generation, owner, position)
            if erased:
                self._erase_elsewhere(batches, erased)
            for batch in batches:
                self._drop_old_blocks(batch)
            self._move_offsets(batches)
        except MissingTableError as error:
            raise ViewsMovedError(f"the tables of a generation were dropped: {error}") from error

    def _refuse_retired(self, batches: Sequence[Batch]) -> None:
        there = {(found.view, found.generation) for found in self._generations.all() if found.state != RETIRED}
        for batch in batches:
            name = (batch.generation.view, batch.generation.generation)
            if name not in there:
                raise ViewsMovedError(f"view {name[0]} generation {name[1]} was retired")

    def _write_down(self, batches: Sequence[Batch]) -> PlannedWrites:
        """Plan the writes, and write down where rows will stand.

        Somebody who is further in the log may erase a person at any moment. They register the erasure, then delete what
        is written down. So whoever writes down and then finds no erasure registered may write: what they write will be
        found, or hidden by a delete that is later in the log.
        """
        planned = self._plan(batches)
        if planned.listings:
            self._connection.write_all(planned.listings.values(), IN_FLIGHT)
            if self._forget_erased(batches):
                planned = self._plan(batches, planned)
        self._connection.write_all(planned.notes.values(), IN_FLIGHT)
        if self._forget_erased(batches):
            planned = self._plan(batches, planned)
            self._connection.write_all([*planned.listings.values(), *planned.notes.values()], IN_FLIGHT)
        return planned

    def _plan(self, batches: Sequence[Batch], earlier: PlannedWrites | None = None) -> PlannedWrites:
        planned = PlannedWrites()
        for batch in batches:
            self._planner(batch).plan(batch.buffer, planned)
        if earlier is not None:
            planned.take_over(earlier)
        return planned

    def _write_rows(self, planned: PlannedWrites) -> None:
        metrics.STATEMENTS.observe(sum(map(len, planned.rows.values())) + sum(map(len, planned.folds.values())))
        self._connection.write_all(in_pieces(planned.rows, ROWS_A_GROUP), IN_FLIGHT)
        self._connection.write_all(planned.folds.values(), IN_FLIGHT)
        self._connection.write_all(planned.ends.values(), IN_FLIGHT)

    @override
    def scrub(self) -> bool:
        """Drop what retired some time ago. What was deleted leaves the nodes' files by compaction, not from here."""
        return self._generations.drop_retired()

    # ── erasures ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _forget_erased(self, batches: Sequence[Batch]) -> bool:
        """Take out of batches whoever was erased further on in the log; whether there was anybody."""
        taken = False
        for owner, position in self._erasures.behind(batches).items():
            for batch in batches:
                known = any(gone.owner == owner and gone.at.position >= position for gone in batch.buffer.forgotten)
                if owner in batch.owners and not known:
                    batch.buffer.at = Origin(owner, 0, position)
                    batch.buffer.forget(owner)
                    taken = True
        return taken

    def _erase_elsewhere(self, batches: Sequence[Batch], erased: Mapping[str, Origin]) -> None:
        """Take people out of the generations that are not in the batches, too: a build may never get that far."""
        own = {(batch.generation.view, batch.generation.generation) for batch in batches}
        incarnation = batches[0].generation.incarnation
        self._generations.seen(now=True)
        for found in self._generations.all():
            view = self._views.get(found.view)
            fits = view is not None and (found.version, found.incarnation) == (view.version, incarnation)
            if not fits or view is None or found.state == RETIRED or (found.view, found.generation) in own:
                continue  # another version's build folds the erasure itself; another log's is about to go
            tables = self._tables_of(found)
            planner = Planner(self._connection, tables, CassandraRows(self._connection, view, tables.fold))
            planned = PlannedWrites()
            for owner, at in erased.items():
                planner.forget(Forgotten(owner, at, [], []), planned)
                self._parked.forget(found, owner, at.position)
            self._write_rows(planned)

    # ── offsets ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _drop_old_blocks(self, batch: Batch) -> None:
        """Drop blocks of positions that have fallen behind what the view keeps, before the offset says so."""
        kept = batch.buffer.view.kept_positions
        if kept is None:
            return
        for blocks in self._tables_of(batch.generation).blocks.values():
            for shard, position in batch.positions.items():
                first = max(0, (batch.based_on[shard].position - kept) // blocks.block_positions)
                behind = max(0, (position - kept) // blocks.block_positions)
                for block in range(first, behind):
                    found = self._connection.ask(*blocks.read(shard, block))
                    self._connection.write_all(([request] for request in blocks.drop(shard, block, found)), IN_FLIGHT)

    def _move_offsets(self, batches: Sequence[Batch]) -> None:
        """Candidates first: they may never show less than the live generations that they will replace."""
        candidates = [batch for batch in batches if batch.generation.state == CANDIDATE]
        others = [batch for batch in batches if batch.generation.state != CANDIDATE]
        for group in (candidates, others):
            self._connection.write_all(map(_moves, group), IN_FLIGHT)


def _moves(batch: Batch) -> list[Request]:
    place = (batch.generation.view, batch.generation.generation)
    return [(_MOVE, (*place, shard, position, position)) for shard, position in batch.positions.items()]
