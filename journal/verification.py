"""Reads a whole log and names everything that is not as it must be. Needs no key: checksums cover ciphertext."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from kinelog.domain.identifiers import person_of, shard_of
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.errors import CorruptError, JournalError
from kinelog.journal.event_codec import checksum_holds
from kinelog.journal.inspection import Finding, InspectedLog, InspectedRow, Kind
from kinelog.journal.records import StoredEvent


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


def verify(log: InspectedLog, progress: Callable[[int], None]) -> Report:
    """Read a log, while it is written to if need be.

    Args:
        log: The log; not closed.
        progress: Told the number of events that were read since it was last told.
    """
    shards = [_ShardCheck(log, shard, progress) for shard in range(log.shards)]
    findings: list[Finding] = []
    for shard in shards:
        try:
            findings.extend(shard.findings())
        except JournalError as error:
            findings.append(Finding("unreadable", shard.shard, shard.last, f"behind this position: {error}"))
    try:
        findings.extend(log.whole())
    except JournalError as error:
        findings.append(Finding("unreadable", -1, 0, f"index of entities: {error}"))
    return Report(
        log.shards,
        log.incarnation,
        sum(shard.commits for shard in shards),
        sum(shard.events for shard in shards),
        tuple(findings),
    )


class _ShardCheck:
    """One pass over a shard's log."""

    def __init__(self, log: InspectedLog, shard: int, progress: Callable[[int], None]) -> None:
        self.shard = shard
        self.commits = 0
        self.events = 0
        self.last = 0
        self._log = log
        self._progress = progress
        self._epoch = 0
        self._commit_ids: set[bytes] = set()
        self._sequences: dict[str, int] = {}

    def findings(self) -> Iterator[Finding]:
        newest = self._log.newest(self.shard)
        if newest is None:
            yield self._finding("head", 0, "the shard has no epoch and head")
            return
        for inspected in self._log.rows(self.shard, newest.head):
            yield from self._commit(inspected)
        if self.last != newest.head:
            yield self._finding("head", self.last, f"the log ends here, the head is {newest.head}")
        if self._epoch > newest.epoch:
            detail = f"written under epoch {self._epoch}, the newest is {newest.epoch}"
            yield self._finding("epoch", self.last, detail)
        yield from self._log.places(self.shard)

    def _commit(self, inspected: InspectedRow) -> Iterator[Finding]:
        row = inspected.row
        self.commits += 1
        yield from self._place(row, f" ({inspected.place})" if inspected.place else "")
        # What stands in two places takes nothing back: only what follows the furthest position is no double.
        self.last = max(self.last, row.last)
        yield from self._content(row)
        if inspected.misindexed:
            yield self._finding("index", row.first, "the index of entities does not say what the commit holds")

    def _place(self, row: CommitRow, where: str) -> Iterator[Finding]:
        if row.first > self.last + 1:
            missing = f"{self.last + 1}-{row.first - 1}"
            yield self._finding("hole", self.last + 1, f"positions {missing} are missing{where}")
        elif row.first <= self.last:
            detail = f"positions {row.first}-{min(row.last, self.last)} stand in two commits{where}"
            yield self._finding("double", row.first, detail)
        if row.commit_id in self._commit_ids:
            yield self._finding("double", row.first, f"commit {row.commit_id.hex()} stands here a second time{where}")
        if row.epoch < self._epoch:
            yield self._finding("epoch", row.first, f"epoch {row.epoch} behind a commit of epoch {self._epoch}{where}")
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
        return "/" in entity and shard_of(person_of(entity), self._log.shards) == self.shard

    def _finding(self, kind: Kind, position: int, detail: str) -> Finding:
        return Finding(kind, self.shard, position, detail)
