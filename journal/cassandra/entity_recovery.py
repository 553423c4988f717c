"""Reading one entity's events in milliseconds, however long its shard's log is.

The order decides: first what the tail holds and the offset behind which it lies, then the index, then what came since.
The index is complete up to an offset that was read *before* it: rows are written before the offset. The other way round
there is a hole, for what moves from the tail into the index between the two looks is in neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinelog.cassandra_session.connection import Connection
from kinelog.journal.cassandra.entity_events import EntityEvents
from kinelog.journal.cassandra.log_rows import LogRows
from kinelog.journal.cassandra.log_tail import TAIL_BYTES, LogTail
from kinelog.journal.commit_row import CommitRow, Run, events_of_run
from kinelog.journal.errors import CorruptError
from kinelog.journal.records import Positioned


class EntityRecovery:
    """The index and the tails of all shards of a log. Thread-safe.

    The log's adapter tells it of commits and asks it for room; see `LogTail`.
    """

    def __init__(
        self, connection: Connection, incarnation: str, shards: int, log: LogRows, tail_bytes: int = TAIL_BYTES
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            connection: The cluster.
            incarnation: The log's.
            shards: Their number.
            log: Reads the log.
            tail_bytes: What may lie behind the index of a shard; see `LogTail`.
        """
        self.index = EntityEvents(connection, incarnation)
        self._tails = [LogTail(shard, self.index, log, tail_bytes) for shard in range(shards)]

    def replay(self, shard: int, entity: str, after_sequence: int) -> Iterator[Positioned]:
        """One entity's events behind `after_sequence`, in order: all that were committed before this began, or more.

        Raises:
            CorruptError: The log or the index is damaged.
            UnavailableError: The cluster does not answer.
        """
        return _replay(self.index, self._tails[shard], Replayed(entity, after_sequence))

    def committed(self, row: CommitRow, runs: Sequence[Run]) -> None:
        """Hear of a commit of this process that is known to be applied; quick, for the thread of answers."""
        self._tails[row.shard].committed(row, runs)

    def has_room(self, shard: int) -> bool:
        """Whether the next commit may be made. Where not, `make_room` first: this is what bounds the tails."""
        return self._tails[shard].has_room()

    def make_room(self, shard: int) -> None:
        """Index the oldest part of the tail until the next commit may be made. Blocks: not for the thread of answers.

        Raises:
            UnavailableError: The cluster does not answer. Nothing was committed; try again.
            CorruptError: The log is damaged where the index has to go on.
        """
        self._tails[shard].make_room()

    def forget(self, shard: int) -> None:
        """Give a shard's tail up: it was acquired anew, or fenced."""
        self._tails[shard].forget()


class Replayed:
    """How far the replay of an entity has come, and what may follow."""

    def __init__(self, entity: str, after_sequence: int) -> None:
        """Start behind an event whose position is not known."""
        self.entity = entity
        self.sequence = after_sequence
        self._position = 0

    def next_of(self, run: Run, content: bytes) -> Sequence[Positioned]:
        """The events of a run that are new.

        Raises:
            CorruptError: An event is missing, stands twice, or is damaged.
        """
        skipped = self.sequence + 1 - (run.last_sequence - run.count + 1)
        if skipped < 0:
            raise CorruptError(
                f"{self.entity}#{self.sequence + 1}", f"#{self.sequence - skipped + 1} stands in its place"
            )
        # A row of the index begins before what is asked for, and a second look at the tail with what is known already.
        known = run.position + min(skipped, run.count) - 1
        if skipped and 0 < self._position < known:
            raise CorruptError(run.where, "a second event stands in the place of another")
        if skipped >= run.count:
            return ()
        events = events_of_run(run, content)
        self.sequence = run.last_sequence
        self._position = run.position + run.count - 1
        return [Positioned(run.position + at, events[at]) for at in range(skipped, run.count)]


def _replay(index: EntityEvents, tail: LogTail, replayed: Replayed) -> Iterator[Positioned]:
    entity = replayed.entity
    while True:
        view = tail.view(entity, replayed.sequence)
        try:
            for run, content in index.read(view.offset.generation, entity, replayed.sequence):
                if run.position > view.offset.position:
                    # Behind the offset the index is half-written: of two rows the second may be there alone.
                    break
                yield from replayed.next_of(run, content)
        except CorruptError:
            if not tail.index_replaced(view):
                raise
            continue
        behind = tail.behind(view, entity, replayed.sequence)
        if behind is None:
            # What was read is right, but the index may have been replaced meanwhile: there may be more to it.
            continue
        for run, row in behind:
            yield from replayed.next_of(run, row.body[run.start : run.start + run.length])
        return
