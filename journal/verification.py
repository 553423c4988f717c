"""Reads a whole log and names everything that is not as it must be. Needs no key: checksums cover ciphertext."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
from kinelog.domain.identifiers import person_of, shard_of
from kinelog.journal import sqlite_file
from kinelog.journal.commit_row import CommitRow, Run, pack
from kinelog.journal.errors import CorruptError
from kinelog.journal.event_codec import checksum_holds
from kinelog.journal.records import StoredEvent
from kinelog.journal.sqlite_file import POSITION_MASK, row_id

ROWS_AT_ONCE = 256
BUSY_MS = 10_000

Kind = Literal["hole", "double", "checksum", "sequence", "epoch", "head", "index", "shard", "unreadable"]


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it must be.

    Attributes:
        kind: What sort of damage.
        shard: The shard, or -1 for the file as a whole.
        position: The log position, 0 where there is none.
        detail: What was found, in words.
    """

    kind: Kind
    shard: int
    position: int
    detail: str


class Report(msgspec.Struct, frozen=True):
    """What was read and what was found."""

    shards: int
    incarnation: str
    commits: int
    events: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(path: Path, progress: Callable[[int], None]) -> Report:
    """Read the log at `path`, while it is written to if need be.

    Args:
        path: The log's file.
        progress: Told the number of events that were read since it was last told.

    Raises:
        IncompatibleStoreError: The file is no log of this layout.
        UnavailableError: There is no such file, or it does not answer.
    """
    connection = _read_only(path)
    try:
        identity = sqlite_file.identity_of(connection, path)
        shards = [_ShardCheck(connection, shard, identity.shards, progress) for shard in range(identity.shards)]
        findings: list[Finding] = []
        for shard in shards:
            try:
                findings += shard.findings()
            except sqlite3.DatabaseError as error:
                findings.append(Finding("unreadable", shard.shard, shard.last, f"behind this position: {error}"))
        try:
            findings += _index_continuity(connection)
        except sqlite3.DatabaseError as error:
            findings.append(Finding("unreadable", -1, 0, f"index of entities: {error}"))
    finally:
        connection.close()
    return Report(
        identity.shards,
        identity.incarnation,
        sum(shard.commits for shard in shards),
        sum(shard.events for shard in shards),
        tuple(findings),
    )


def count_events(path: Path) -> int:
    """How many events the log says it has, for a progress bar.

    Raises:
        UnavailableError: There is no such file, or it does not answer.
    """
    connection = _read_only(path)
    try:
        with sqlite_file.translated(str(path)):
            (events,) = connection.execute("SELECT total(head) FROM epochs").fetchone()
    finally:
        connection.close()
    return int(events)


def _read_only(path: Path) -> sqlite3.Connection:
    with sqlite_file.translated(str(path)):
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_MS / 1000, isolation_level=None)


class _ShardCheck:
    """One pass over a shard's log."""

    def __init__(
        self, connection: sqlite3.Connection, shard: int, shards: int, progress: Callable[[int], None]
    ) -> None:
        self.shard = shard
        self.commits = 0
        self.events = 0
        self.last = 0
        self._connection = connection
        self._shards = shards
        self._progress = progress
        self._epoch = 0
        self._commit_ids: set[bytes] = set()
        self._sequences: dict[str, int] = {}

    def findings(self) -> Iterator[Finding]:
        row = self._connection.execute("SELECT epoch, head FROM epochs WHERE shard = ?", (self.shard,)).fetchone()
        if row is None:
            yield self._finding("head", 0, "the shard has no epoch and head")
            return
        epoch, head = row
        while rows := self._next_rows(head):
            for commit, misindexed in rows:
                yield from self._commit(commit, misindexed=misindexed)
        if self.last != head:
            yield self._finding("head", self.last, f"the log ends here, the head is {head}")
        if self._epoch > epoch:
            yield self._finding("epoch", self.last, f"written under epoch {self._epoch}, the newest is {epoch}")

    def _next_rows(self, head: int) -> list[tuple[CommitRow, bool]]:
        """The next commits, and whether the index disagrees with them: read in one view, since the index moves."""
        self._connection.execute("BEGIN")
        try:
            (indexed,) = self._connection.execute(
                "SELECT coalesce(max(position), 0) FROM index_progress WHERE shard = ?", (self.shard,)
            ).fetchone()
            rows = [
                CommitRow(self.shard, first, number & POSITION_MASK, *rest)
                for number, first, *rest in self._connection.execute(
                    "SELECT id, first, epoch, commit_id, checksum, directory, body FROM commits "
                    "WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
                    (row_id(self.shard, self.last), row_id(self.shard, head), ROWS_AT_ONCE),
                )
            ]
            return [(row, row.last <= indexed and self._index_disagrees(row)) for row in rows]
        finally:
            self._connection.execute("ROLLBACK")

    def _commit(self, row: CommitRow, *, misindexed: bool) -> Iterator[Finding]:
        self.commits += 1
        yield from self._place(row)
        self.last = row.last
        yield from self._content(row)
        if misindexed:
            yield self._finding("index", row.first, "the index of entities does not say what the commit holds")

    def _place(self, row: CommitRow) -> Iterator[Finding]:
        if row.first > self.last + 1:
            missing = f"{self.last + 1}-{row.first - 1}"
            yield self._finding("hole", self.last + 1, f"positions {missing} are missing")
        elif row.first <= self.last:
            yield self._finding("double", row.first, f"positions {row.first}-{self.last} stand in two commits")
        if row.commit_id in self._commit_ids:
            yield self._finding("double", row.first, f"commit {row.commit_id.hex()} stands here a second time")
        if row.epoch < self._epoch:
            yield self._finding("epoch", row.first, f"epoch {row.epoch} behind a commit of epoch {self._epoch}")
        self._commit_ids.add(row.commit_id)
        self._epoch = max(self._epoch, row.epoch)

    def _content(self, row: CommitRow) -> Iterator[Finding]:
        if not row.intact():
            yield self._finding("checksum", row.first, f"the checksum of commit {row.first}-{row.last} does not hold")
        try:
            events = row.decoded()
        except CorruptError as error:
            yield self._finding("unreadable", row.first, error.why)
            return
        self.events += len(events)
        self._progress(len(events))
        for position, event in enumerate(events, row.first):
            yield from self._event(position, event)

    def _event(self, position: int, event: StoredEvent) -> Iterator[Finding]:
        name = f"{event.entity}#{event.sequence}"
        if not checksum_holds(event):
            yield self._finding("checksum", position, f"the checksum of {name} does not hold")
        expected = self._sequences.get(event.entity, 0) + 1
        if event.sequence != expected:
            yield self._finding("sequence", position, f"{name} stands where #{expected} belongs")
        self._sequences[event.entity] = max(expected - 1, event.sequence)
        if expected == 1 and not self._belongs_here(event.entity):
            yield self._finding("shard", position, f"{event.entity} does not belong to this shard")

    def _belongs_here(self, entity: str) -> bool:
        return "/" in entity and shard_of(person_of(entity), self._shards) == self.shard

    def _index_disagrees(self, row: CommitRow) -> bool:
        """Whether the index disagrees with a commit that it covers."""
        try:
            expected = pack(row.shard, row.first - 1, row.epoch, row.commit_id, row.decoded())[1]
            if row.runs() != expected:
                return True
        except (CorruptError, ValueError):
            return False  # reported as damage of the commit itself
        return any(self._indexed(run) != (row_id(row.shard, row.last), *_place(run)) for run in expected)

    def _indexed(self, run: Run) -> tuple[int, ...] | None:
        found: tuple[int, ...] | None = self._connection.execute(
            "SELECT row, count, position, start, length, crc FROM entity_runs "
            "WHERE entity = (SELECT id FROM entities WHERE entity = ?) AND last_sequence = ?",
            (run.entity, run.last_sequence),
        ).fetchone()
        return found

    def _finding(self, kind: Kind, position: int, detail: str) -> Finding:
        return Finding(kind, self.shard, position, detail)


def _place(run: Run) -> tuple[int, int, int, int, int]:
    return run.count, run.position, run.start, run.length, run.crc


def _index_continuity(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Rows of the index that no commit asks for break the chain of sequence numbers of their entity."""
    entity, sequence = None, 0
    rows = connection.execute(
        "SELECT e.entity, r.entity, r.last_sequence, r.count, r.row, r.position FROM entity_runs r "
        "LEFT JOIN entities e ON e.id = r.entity ORDER BY r.entity, r.last_sequence"
    )
    for name, number, last, count, row, position in rows:
        if number != entity:
            entity, sequence = number, 0
        if last - count != sequence or name is None:
            shard = row >> sqlite_file.POSITION_BITS
            yield Finding("index", shard, position, f"{name}: #{last - count + 1} is indexed behind #{sequence}")
        sequence = last
