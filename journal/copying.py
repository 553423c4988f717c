"""Copies a log into another store, in any direction: over the journal port only, in bounded memory, and resumable.

A copy goes in rounds. A round has a beginning and an end at the source, noted at the destination before its first
event, and so each shard of the destination receives one certain series of events. What it has of that series is said
by its head, under an epoch that only this copy has. A copy that was killed at any point therefore goes on at the next
event; what the source got in the meantime is the next round.

Shards that can exchange events form a *lane*: shard `s` of N and shard `d` of M hold people in common only if `s` and
`d` are equal modulo the greatest common divisor of N and M. Lanes are copied at the same time, one commit in flight
each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from math import gcd

import msgspec
from kinelog.domain.identifiers import person_of, shard_of
from kinelog.journal.copy_mark import CopyMark, CopyMarks, CopyRefusedError
from kinelog.journal.copy_writer import ShardWriter
from kinelog.journal.errors import UnavailableError
from kinelog.journal.port import Journal
from kinelog.journal.records import Positioned

LANES_AT_ONCE = 16
GATHERED_BYTES = 512 << 10
"""Where shards differ, what goes to one shard of the destination is gathered up to so many bytes a commit."""

LANE_BYTES = 16 << 20
"""What all shards of a lane gather together."""

Progress = Callable[[int], None]
"""Told, from any thread, the number of events that are at the destination since it was last told."""


class CopyStoppedError(Exception):
    """The copy was asked to stop; the same copy, begun again, goes on."""


class LogCopy:
    """The copy of one log into one destination."""

    def __init__(self, source: Journal, destination: Journal, marks: CopyMarks) -> None:
        """Copy from `source` into `destination`, whose mark is in `marks`."""
        self._source = source
        self._destination = destination
        self._marks = marks
        self._stop = threading.Event()

    def begin(self) -> CopyMark:
        """Note at the destination which round is copied: the one that was not finished, or a new one.

        Raises:
            CopyRefusedError: The destination holds something else.
            JournalError: A store does not answer.
        """
        if self._source.incarnation == self._destination.incarnation:
            raise CopyRefusedError("source and destination are the same log")
        known = self._marks.read()
        until = self._heads(self._source)
        heads = self._heads(self._destination)
        if known is None:
            if any(heads):
                raise CopyRefusedError(
                    "the destination has events and is no copy: name an empty folder, or another deployment"
                )
            return self._note(None, tuple(0 for _ in until), until, heads)
        self._require_same(known, until)
        if known.ended is None:
            return known
        if heads != known.ended:
            raise CopyRefusedError(
                "the destination has got events of its own since it was copied, and nothing was added to it: "
                "keep using it, or copy into an empty folder or another deployment"
            )
        return known if until == known.until else self._note(known, known.until, until, heads)

    def run(self, mark: CopyMark, progress: Progress) -> CopyMark:
        """Copy what the round still lacks, and note its end.

        Args:
            mark: What `begin` gave.
            progress: Told of events, those that are there already included.

        Raises:
            CopyRefusedError: The destination holds something else.
            CopyStoppedError: `stop` was called.
            FencedError: Somebody else writes to the destination.
            JournalError: A store does not answer, or a commit of the source is damaged.
        """
        if mark.ended is not None:
            progress(events_of(mark))
            return mark
        lanes = gcd(self._source.shards, self._destination.shards)
        with ThreadPoolExecutor(min(lanes, LANES_AT_ONCE), thread_name_prefix="copy") as pool:
            running = [pool.submit(self._lane, mark, lane, lanes, progress) for lane in range(lanes)]
            self._wait(running)
        ended = msgspec.structs.replace(mark, ended=self._heads(self._destination))
        self._marks.replace(mark, ended)
        return ended

    def complete(self, mark: CopyMark) -> CopyMark:
        """Note that the round that has ended and was compared is the last: the source was left alone.

        Raises:
            CopyRefusedError: The source got events meanwhile, or the destination did.
        """
        if mark.complete:
            return mark
        if self._heads(self._source) != mark.until:
            raise CopyRefusedError(
                "the source got events while it was copied: stop what writes to it, and run the same command again"
            )
        whole = msgspec.structs.replace(mark, complete=True)
        self._marks.replace(mark, whole)
        return whole

    def stop(self) -> None:
        """Make `run` end soon."""
        self._stop.set()

    def _note(
        self, known: CopyMark | None, begun: tuple[int, ...], until: tuple[int, ...], heads: tuple[int, ...]
    ) -> CopyMark:
        mark = CopyMark(
            source=self._source.incarnation, shards=self._source.shards, begun=begun, until=until, heads=heads
        )
        self._marks.replace(known, mark)
        return mark

    def _require_same(self, known: CopyMark, until: tuple[int, ...]) -> None:
        if (known.source, known.shards) != (self._source.incarnation, self._source.shards):
            raise CopyRefusedError(
                f"the destination is a copy of the log {known.source}, not of {self._source.incarnation}: "
                "name that source again, or an empty destination"
            )
        if any(now < then for now, then in zip(until, known.until, strict=True)):
            raise CopyRefusedError(
                "the source has fewer events than were copied from it before, so it was put back to an older state: "
                "copy it into an empty destination"
            )

    def _wait(self, running: list[Future[None]]) -> None:
        try:
            wait(running, return_when=FIRST_EXCEPTION)
        finally:
            # One failed, or somebody pressed a key: the others end at their next commit.
            self._stop.set()
        errors = [error for lane in running if (error := lane.exception()) is not None]
        for error in sorted(errors, key=lambda error: isinstance(error, CopyStoppedError)):
            raise error
        self._stop.clear()

    def _lane(self, mark: CopyMark, lane: int, lanes: int, progress: Progress) -> None:
        writers = {
            shard: ShardWriter(self._destination, shard, mark.heads[shard])
            for shard in range(lane, self._destination.shards, lanes)
        }
        alike = self._source.shards == self._destination.shards
        # Commits stay what they were where they can: somebody may have relied on reading one whole.
        at_least = 1 if alike else min(GATHERED_BYTES, LANE_BYTES // len(writers))
        for shard in range(lane, self._source.shards, lanes):
            after = mark.begun[shard]
            if alike and (known := writers[shard].skip_known(self._source, after, mark.until[shard])):
                after += known
                progress(known)
            for commit in self._commits(shard, after, mark.until[shard]):
                for positioned in commit:
                    writers[shard_of(person_of(positioned.event.entity), len(mark.heads))].add(positioned.event)
                for writer in writers.values():
                    writer.write(at_least)
                progress(len(commit))
        for writer in writers.values():
            writer.write(1)
            writer.require_all_known()

    def _commits(self, shard: int, after: int, until: int) -> Iterator[list[Positioned]]:
        if after >= until:
            return
        for commit in self._source.read_commits(shard, after):
            if self._stop.is_set():
                raise CopyStoppedError
            yield commit
            if commit[-1].position >= until:
                return
        # Ending here would note a round as copied that was not.
        raise UnavailableError(f"shard {shard} of the source does not give all events up to {until}, its head")

    def _heads(self, journal: Journal) -> tuple[int, ...]:
        return tuple(map(journal.head, range(journal.shards)))


def events_of(mark: CopyMark) -> int:
    """Number of events of a round."""
    return sum(mark.until) - sum(mark.begun)
