"""The log in a SQLite file under inspection: read-only, while others write to it if need be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from kinelog.journal import sqlite_file
from kinelog.journal.commit_row import CommitRow, Run
from kinelog.journal.errors import CorruptError
from kinelog.journal.inspection import Finding, InspectedLog, InspectedRow, Newest, runs_that_belong
from kinelog.journal.sqlite_file import POSITION_MASK, row_id
from kinelog.journal.verification import Report, verify
from typing_extensions import override

ROWS_AT_ONCE = 256
BUSY_MS = 10_000


class SqliteInspection(InspectedLog):
    """The tables of one file."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            IncompatibleStoreError: The file is no log of this layout.
            UnavailableError: There is no such file, or it does not answer.
        """
        self._where = str(path)
        with sqlite_file.translated(self._where):
            self._connection = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, timeout=BUSY_MS / 1000, isolation_level=None
            )
        try:
            identity = sqlite_file.identity_of(self._connection, path)
        except BaseException:
            self._connection.close()
            raise
        self.shards = identity.shards
        self.incarnation = identity.incarnation

    @override
    def newest(self, shard: int) -> Newest | None:
        with sqlite_file.translated(self._where):
            row = self._connection.execute("SELECT epoch, head FROM epochs WHERE shard = ?", (shard,)).fetchone()
        return None if row is None else Newest(*row)

    @override
    def rows(self, shard: int, head: int) -> Iterator[InspectedRow]:
        last = 0
        while True:
            with sqlite_file.translated(self._where):
                rows = self._next_rows(shard, last, head)
            if not rows:
                return
            yield from rows
            last = rows[-1].row.last

    @override
    def places(self, shard: int) -> Iterator[Finding]:
        with sqlite_file.translated(self._where):
            # One statement sees one state of the file: the head that belongs to the last row.
            last, head = self._connection.execute(
                "SELECT coalesce(max(id), ?1), (SELECT head FROM epochs WHERE shard = ?3) FROM commits "
                "WHERE id > ?1 AND id < ?2",
                (row_id(shard, 0), row_id(shard + 1, 0), shard),
            ).fetchone()
        if last & POSITION_MASK > head:
            yield Finding("head", shard, head, f"a commit that ends at {last & POSITION_MASK} lies behind the head")

    @override
    def whole(self) -> Iterator[Finding]:
        """Rows of the index that no commit asks for break the chain of sequence numbers of their entity."""
        entity, sequence = None, 0
        with sqlite_file.translated(self._where):
            rows = self._connection.execute(
                "SELECT e.entity, r.entity, r.last_sequence, r.count, r.row, r.position FROM entity_runs r "
                "LEFT JOIN entities e ON e.id = r.entity ORDER BY r.entity, r.last_sequence"
            )
            for name, number, last, count, row, position in rows:
                if number != entity:
                    entity, sequence = number, 0
                if last - count != sequence or name is None:
                    shard = row >> sqlite_file.POSITION_BITS
                    yield Finding(
                        "index", shard, position, f"{name}: #{last - count + 1} is indexed behind #{sequence}"
                    )
                sequence = last

    @override
    def close(self) -> None:
        self._connection.close()

    def _next_rows(self, shard: int, last: int, head: int) -> list[InspectedRow]:
        """The next commits, and whether the index disagrees with them: read in one view, since the index moves."""
        self._connection.execute("BEGIN")
        try:
            (indexed,) = self._connection.execute(
                "SELECT coalesce(max(position), 0) FROM index_progress WHERE shard = ?", (shard,)
            ).fetchone()
            rows = [
                CommitRow(shard, first, number & POSITION_MASK, *rest)
                for number, first, *rest in self._connection.execute(
                    "SELECT id, first, epoch, commit_id, checksum, directory, body FROM commits "
                    "WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
                    (row_id(shard, last), row_id(shard, head), ROWS_AT_ONCE),
                )
            ]
            return [InspectedRow(row, misindexed=row.last <= indexed and self._index_disagrees(row)) for row in rows]
        finally:
            self._connection.execute("ROLLBACK")

    def _index_disagrees(self, row: CommitRow) -> bool:
        """Whether the index disagrees with a commit that it covers."""
        try:
            expected = runs_that_belong(row)
        except CorruptError:
            return True
        return any(self._indexed(run) != (row_id(row.shard, row.last), *_place(run)) for run in expected or ())

    def _indexed(self, run: Run) -> tuple[int, ...] | None:
        found: tuple[int, ...] | None = self._connection.execute(
            "SELECT row, count, position, start, length, crc FROM entity_runs "
            "WHERE entity = (SELECT id FROM entities WHERE entity = ?) AND last_sequence = ?",
            (run.entity, run.last_sequence),
        ).fetchone()
        return found


def verify_file(path: Path, progress: Callable[[int], None]) -> Report:
    """Verify the log in a file; see `verification.verify`.

    Raises:
        IncompatibleStoreError: The file is no log of this layout.
        UnavailableError: There is no such file, or it does not answer.
    """
    with closing(SqliteInspection(path)) as log:
        return verify(log, progress)


def _place(run: Run) -> tuple[int, int, int, int, int]:
    return run.count, run.position, run.start, run.length, run.crc
