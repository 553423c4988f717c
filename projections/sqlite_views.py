"""The embedded store of the views: one SQLite file, offsets in the same transaction as rows.

`synchronous=NORMAL` is enough here: a transaction that a power cut takes away takes its offsets along, and its events
are folded again. What is deleted is overwritten (`secure_delete`), and after an erasure `scrub` takes care of copies.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from kinelog.projections import view_tables
from kinelog.projections.erased_digest import digest_of
from kinelog.projections.errors import ViewsMovedError
from kinelog.projections.fold import View
from kinelog.projections.row_buffer import StoredRows
from kinelog.projections.rows import ParkedRow
from kinelog.projections.sqlite_connection import REGISTRY, connect
from kinelog.projections.view_store import (
    BUILDING,
    LIVE,
    RETIRED,
    Batch,
    CatchUp,
    Generation,
    Offset,
    ViewStore,
    fits,
)
from kinelog.projections.view_tables import ViewTables
from typing_extensions import override

logger = logging.getLogger(__name__)


class SqliteViews(ViewStore):
    """The views in a file: whoever writes on older rows than there are is refused."""

    trouble = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        """Open or create the file."""
        self.path = path
        self.connection = connect(path)
        with self.transaction():
            for statement in REGISTRY.split(";"):
                self.connection.execute(statement)
        self.scrub()

    @override
    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    # ── generations ──────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def generations(self, state: str | None = None) -> list[Generation]:
        """All generations, or those in a state."""
        found = self.connection.execute(
            "SELECT view, version, generation, incarnation, state FROM view_versions"
            " WHERE ?1 IS NULL OR state = ?1 ORDER BY view, generation",
            (state,),
        )
        return [Generation(*row) for row in found]

    @override
    def begin(self, views: Sequence[View], incarnation: str, shards: int) -> None:
        with self.transaction():
            live = {generation.view: generation for generation in self.generations(LIVE)}
            for view in views:
                if not fits(view, incarnation, live.get(view.name)):
                    fresh = self._create(view, incarnation, LIVE, shards)
                    if view.name in live:
                        self._mark(live[view.name], RETIRED)
                    logger.info("view %s: generation %d from the start of the log", view.name, fresh.generation)

    @override
    def take_up(self, views: Sequence[View], incarnation: str, shards: int) -> list[Generation]:
        taken = []
        with self.transaction():
            for view in views:
                usable = None
                for found in [found for found in self.generations(BUILDING) if found.view == view.name]:
                    if usable is None and (found.version, found.incarnation) == (view.version, incarnation):
                        usable = found
                    else:
                        self._mark(found, RETIRED)
                taken.append(usable or self._create(view, incarnation, BUILDING, shards))
        return taken

    @override
    def switch(self, fresh: Sequence[Generation], catch_up: CatchUp) -> bool:
        """In one transaction: the live worker waits while the builds catch up."""
        with self.transaction():
            if not catch_up(self._live_positions(fresh), self.apply_in_transaction):
                return False
            live = {generation.view: generation for generation in self.generations(LIVE)}
            for generation in fresh:
                if generation.view in live:
                    self._mark(live[generation.view], RETIRED)
                self._mark(generation, LIVE)
        return True

    @override
    def retire(self, generations: Sequence[Generation]) -> None:
        with self.transaction():
            for generation in generations:
                self._mark(generation, RETIRED)

    def _create(self, view: View, incarnation: str, state: str, shards: int) -> Generation:
        """Make the next generation's tables; the caller's transaction is open."""
        (newest,) = self.connection.execute(
            "SELECT coalesce(max(generation), 0) FROM view_versions WHERE view = ?", (view.name,)
        ).fetchone()
        made = Generation(view.name, view.version, newest + 1, incarnation, state)
        view_tables.create(self.connection, view, made.generation)
        self.connection.execute(
            "INSERT INTO view_versions VALUES (?, ?, ?, ?, ?, ?)",
            (*msgspec.structs.astuple(made), ",".join(table.name for table in view.tables)),
        )
        self.connection.executemany(
            "INSERT INTO offsets VALUES (?, ?, ?, 0, 0)",
            [(view.name, made.generation, shard) for shard in range(shards)],
        )
        return made

    def _mark(self, generation: Generation, state: str) -> None:
        self.connection.execute(
            "UPDATE view_versions SET state = ? WHERE view = ? AND generation = ?",
            (state, generation.view, generation.generation),
        )

    def _live_positions(self, fresh: Sequence[Generation]) -> dict[int, int]:
        """How far readers have seen each shard; offsets of another incarnation say nothing about this log."""
        wanted = {(generation.view, generation.incarnation) for generation in fresh}
        positions: dict[int, int] = {}
        for live in self.generations(LIVE):
            if (live.view, live.incarnation) in wanted:
                for shard, offset in self.offsets(live).items():
                    positions[shard] = max(positions.get(shard, 0), offset.position)
        return positions

    @override
    def drop_retired(self) -> None:
        """Drop the tables of retired generations, in steps that hold nobody up."""
        for old in self.generations(RETIRED):
            (names,) = self.connection.execute(
                "SELECT tables FROM view_versions WHERE view = ? AND generation = ?", (old.view, old.generation)
            ).fetchone()
            view_tables.drop_slowly(self.connection, names.split(","), old.generation)
            with self.transaction():
                for table in ("offsets", "parked", "view_versions"):
                    self.connection.execute(
                        f"DELETE FROM {table} WHERE view = ? AND generation = ?",  # noqa: S608  # names are ours
                        (old.view, old.generation),
                    )

    # ── offsets and parked events ────────────────────────────────────────────────────────────────────────────────

    @override
    def offsets(self, generation: Generation) -> dict[int, Offset]:
        """How far each shard is folded into a generation."""
        found = self.connection.execute(
            "SELECT shard, position, revision FROM offsets WHERE view = ? AND generation = ?",
            (generation.view, generation.generation),
        )
        return {shard: Offset(position, revision) for shard, position, revision in found}

    @override
    def change_mark(self) -> int:
        """Another number whenever another connection wrote to the file."""
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    @override
    def parked_owners(self, generation: Generation) -> set[str]:
        """Persons whose events wait."""
        found = self.connection.execute(
            "SELECT DISTINCT owner FROM parked WHERE view = ? AND generation = ?",
            (generation.view, generation.generation),
        )
        return {owner for (owner,) in found}

    @override
    def parked(self, generation: Generation, owner: str | None = None) -> list[ParkedRow]:
        """Events that wait, in log order."""
        found = self.connection.execute(
            "SELECT view, shard, position, entity, error FROM parked"
            " WHERE view = ?1 AND generation = ?2 AND (?3 IS NULL OR owner = ?3) ORDER BY shard, position",
            (generation.view, generation.generation, owner),
        )
        return [ParkedRow(*row) for row in found]

    @override
    def rows(self, view: View, generation: Generation) -> StoredRows:
        return ViewTables(self.connection, view, generation.generation)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def apply(self, batches: Iterable[Batch]) -> None:
        """Write folded batches: rows, offsets and parked events together, or nothing.

        Raises:
            ViewsMovedError: A generation changed since the fold read it.
        """
        with self.transaction():
            self.apply_in_transaction(batches)

    @override
    def moved(self, offset: Offset, position: int) -> Offset:
        return Offset(position, offset.revision + 1)

    def apply_in_transaction(self, batches: Iterable[Batch]) -> None:
        """As `apply`, in the caller's transaction.

        Raises:
            ViewsMovedError: A generation changed since the fold read it; the caller rolls back.
        """
        erased: set[str] = set()
        for batch in batches:
            self._apply_one(batch)
            erased |= batch.erased.keys()
        for owner in erased:
            self._erase(owner)

    def _apply_one(self, batch: Batch) -> None:
        place = (batch.generation.view, batch.generation.generation)
        self._move_offsets(batch)
        tables = ViewTables(self.connection, batch.buffer.view, batch.generation.generation)
        tables.write(batch.buffer)
        for shard, position in batch.positions.items():
            tables.keep_tail(shard, position)
        self.connection.executemany(
            "DELETE FROM parked WHERE view = ? AND generation = ? AND shard = ? AND position = ?",
            [(*place, released.shard, released.position) for released in batch.released],
        )
        self.connection.executemany(
            "INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*place, *msgspec.structs.astuple(parking)) for parking in batch.parked],
        )
        if batch.generation.state == BUILDING:
            for owner in self._erased_among(batch.owners):
                tables.forget(owner)

    def _move_offsets(self, batch: Batch) -> None:
        place = (batch.generation.view, batch.generation.generation)
        (state,) = self.connection.execute(
            "SELECT state FROM view_versions WHERE view = ? AND generation = ?", place
        ).fetchone() or (None,)
        moved = self.connection.executemany(
            "UPDATE offsets SET position = ?, revision = revision + 1"
            " WHERE view = ? AND generation = ? AND shard = ? AND revision = ?",
            [(batch.positions[shard], *place, shard, based.revision) for shard, based in batch.based_on.items()],
        )
        if state != batch.generation.state or moved.rowcount != len(batch.based_on):
            raise ViewsMovedError(f"view {place[0]} generation {place[1]} was changed by somebody else")

    def _erased_among(self, owners: set[str]) -> list[str]:
        """Persons that the live views know to be erased.

        A build that is behind the erasure may still have opened events of theirs, and may never get further.
        """
        return [
            owner
            for owner in owners
            if self.connection.execute("SELECT 1 FROM erased WHERE digest = ?", (digest_of(owner),)).fetchone()
        ]

    def _erase(self, owner: str) -> None:
        """Take a person out of every table of every generation, and remember to scrub the files."""
        for generation, names in self.connection.execute(
            "SELECT generation, tables FROM view_versions WHERE state != ?", (RETIRED,)
        ).fetchall():
            for name in names.split(","):
                view_tables.forget_rows(self.connection, f"{name}__{generation}", owner)
        self.connection.execute("INSERT OR IGNORE INTO erased VALUES (?)", (digest_of(owner),))
        self.connection.execute("DELETE FROM parked WHERE owner = ?", (owner,))
        self.connection.execute("INSERT OR IGNORE INTO to_scrub VALUES (1)")

    @override
    def scrub(self) -> bool:
        """After an erasure: write the file anew and empty the write-ahead log, so that no byte of the rows stays.

        `secure_delete` alone is not enough: it clears what is deleted, but a page that was split while it filled keeps
        copies of the rows that moved in the part that it does not use, and those are found by whoever reads the file.

        Returns:
            Whether nothing is left to scrub; a reader in the middle of a query, or a full disk, makes it wait for the
            next call.
        """
        if self.connection.execute("SELECT 1 FROM to_scrub").fetchone() is None:
            return True
        try:
            self.connection.execute("VACUUM")
            (blocked, _, _) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if blocked:
                return False
            self.connection.execute("DELETE FROM to_scrub")
        except sqlite3.OperationalError as error:
            logger.warning("the views of an erased person are gone, their traces in the file not yet: %s", error)
            return False
        return True
