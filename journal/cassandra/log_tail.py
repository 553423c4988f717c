"""The end of one shard's log that the index of entities does not cover yet, in memory, shared by all recoveries.

It begins at an offset of the index and is extended by the owner's own commits; whoever recovers an entity also reads on
behind it, so a process that does not own the shard, or does no longer, sees everything too. It is bounded: when more
lies behind the index than `bound_bytes`, the owner copies the oldest part into the index itself before it commits more.
So an indexer that is stopped makes commits slower, and never recoveries wrong or memory full.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kinelog.journal.cassandra.entity_blocks import BLOCK_BYTES, block_length, cost_of
from kinelog.journal.cassandra.entity_events import EntityEvents, Offset
from kinelog.journal.cassandra.log_rows import LogRows, batches
from kinelog.journal.commit_row import CommitRow, Run

TAIL_BYTES = 4 * BLOCK_BYTES
POLL_BYTES = BLOCK_BYTES // 2
"""So often, in bytes committed, the owner looks how far the index has come."""

RunBytes = tuple[Run, CommitRow]
"""A run, and the commit in whose body its events are."""


class TailView(NamedTuple):
    """What a tail held at one moment of one entity: its runs in `offset.position < position ≤ up_to`."""

    offset: Offset
    up_to: int
    runs: Sequence[RunBytes]


@dataclass(frozen=True, slots=True)
class _Held:
    row: CommitRow
    runs: Sequence[Run]
    cost: int


class LogTail:
    """The tail of one shard. Thread-safe."""

    def __init__(self, shard: int, index: EntityEvents, log: LogRows, bound_bytes: int = TAIL_BYTES) -> None:
        """Start with nothing read.

        Args:
            shard: The shard.
            index: The index behind which the tail lies.
            log: The log.
            bound_bytes: What may lie behind the index, counted by `cost_of`; at least a block.
        """
        if bound_bytes < BLOCK_BYTES:
            raise ValueError(f"a tail of {bound_bytes} bytes cannot hold a block of {BLOCK_BYTES}")
        self._shard = shard
        self._index = index
        self._log = log
        self._bound = bound_bytes
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._begun = 0
        self._refreshed = 0
        self._polling = False
        self._start_at(None)

    # ── for whoever commits ──────────────────────────────────────────────────────────────────────────────────────

    def committed(self, row: CommitRow, runs: Sequence[Run]) -> None:
        """Add a commit of this process; quick, and never waits for the cluster."""
        with self._lock:
            if self._offset is None:
                return
            # After another owner's commits, or while the log is read, there is a gap: whoever needs it reads on.
            self._seen = max(self._seen, row.last)
            if row.first == self._up_to + 1:
                self._keep(row, runs)
            # A tail always holds the block that is not full yet, so only what goes beyond that can have been indexed.
            poll = not self._polling and self._cost > BLOCK_BYTES and self._cost - self._polled >= POLL_BYTES
            if poll:
                self._polling = True
        if poll:
            self._index.offset_soon(self._shard, self._polled_offset)

    def has_room(self) -> bool:
        """Whether another commit may be made: all that lies behind the index is known, and within the bound."""
        with self._lock:
            return self._offset is not None and self._complete() and self._cost <= self._bound

    def make_room(self) -> None:
        """Read what lies behind the index, and copy the oldest blocks into the index until the rest is within the bound.

        Blocks for a few milliseconds a block. Idempotent, whoever else does the same.

        Raises:
            UnavailableError: The cluster does not answer; the same call goes on where it was.
            CorruptError: The log is damaged where the index has to go on.
        """
        while not self.has_room():
            self.refresh()
            with self._lock:
                offset, block = self._offset, self._oldest_block()
            if offset is not None and block and not self.has_room():
                self._index.write(offset.generation, block)
                self._index.move_offset(self._shard, Offset(offset.generation, block[-1].last))

    def forget(self) -> None:
        """Give the memory back: this process does not own the shard any more, or takes it anew."""
        with self._lock:
            self._start_at(None)

    # ── for whoever recovers ─────────────────────────────────────────────────────────────────────────────────────

    def view(self, entity: str, after_sequence: int) -> TailView:
        """What is held of an entity. Take it *before* the index is read, and `behind` after.

        Raises:
            UnavailableError: Nothing was held yet and the cluster does not answer.
        """
        while True:
            with self._lock:
                if self._offset is not None:
                    runs = self._of(entity, after_sequence, self._offset.position)
                    return TailView(self._offset, self._up_to, runs)
            self.refresh()

    def behind(self, view: TailView, entity: str, after_sequence: int) -> Iterator[RunBytes] | None:
        """Everything of an entity behind `view.offset` that was committed before this call.

        Returns:
            None if the index that was read since is not the one to be read any more, or the log has moved on by more
            than the tail holds: take another view and read the index again.

        Raises:
            UnavailableError: The cluster does not answer.
            CorruptError: The log is damaged.
        """
        self.refresh()
        with self._lock:
            offset = self._offset
            if (
                offset is None
                or offset.generation != view.offset.generation
                or not (view.offset.position <= offset.position <= view.up_to)
            ):
                return None
            newer = self._of(entity, after_sequence, view.up_to)
            up_to, complete = self._up_to, self._complete()
        return self._following([*view.runs, *newer], entity, up_to, complete=complete)

    def refresh(self) -> None:
        """Follow the index and read on to the end of the log, or up to the bound.

        Of many callers at once one reads for all that came before it began.
        """
        arrived = self._begun
        with self._reading:
            if self._refreshed > arrived:
                return
            self._begun += 1
            self._follow(self._index.offset(self._shard))
            self._read_on()
            self._refreshed = self._begun

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _following(self, known: Sequence[RunBytes], entity: str, up_to: int, *, complete: bool) -> Iterator[RunBytes]:
        yield from known
        if complete:
            return
        # More than may be held: looked through once, for this entity alone. Slow, and right without any index.
        for rows in batches(self._log, self._shard, up_to):
            for row in rows:
                yield from ((run, row) for run in row.runs() if run.entity == entity)

    def _of(self, entity: str, after_sequence: int, after_position: int) -> list[RunBytes]:
        return [
            (run, row)
            for run, row in self._runs.get(entity, ())
            if run.position > after_position and run.last_sequence > after_sequence
        ]

    def _complete(self) -> bool:
        """Whether nothing is known to lie behind what is held."""
        return self._all_read and self._up_to >= self._seen

    def _read_on(self) -> None:
        with self._lock:
            up_to, full = self._up_to, self._cost > self._bound
            self._all_read = not full
        if full:
            return
        for rows in batches(self._log, self._shard, up_to):
            read = [(row, row.runs()) for row in rows]
            with self._lock:
                if self._offset is None:
                    return
                for row, runs in read:
                    # Own commits come in between from another thread.
                    if row.first == self._up_to + 1 and self._cost <= self._bound:
                        self._keep(row, runs)
                if self._cost > self._bound:
                    self._all_read = False
                    return

    def _polled_offset(self, answer: Offset | None) -> None:
        with self._lock:
            self._polling = False
            self._polled = self._cost
            known = self._offset
            if known is None or answer is None:
                return
            # Only a step forwards: anything else needs the log read anew, and whoever needs that does it.
            if answer.generation == known.generation and answer.position <= self._up_to:
                self._forget_up_to(answer)

    def _follow(self, offset: Offset) -> None:
        with self._lock:
            known = self._offset
            if (
                known is None
                or offset.generation != known.generation
                or not (known.position <= offset.position <= self._up_to)
            ):
                self._start_at(offset)
            else:
                self._forget_up_to(offset)

    def _forget_up_to(self, offset: Offset) -> None:
        while self._held and self._held[0].row.last <= offset.position:
            held = self._held.popleft()
            self._cost -= held.cost
            for run in held.runs:
                runs = self._runs[run.entity]
                runs.popleft()
                if not runs:
                    del self._runs[run.entity]
        if self._offset is None or offset.position > self._offset.position:
            self._offset = offset
        self._polled = min(self._polled, self._cost)

    def _start_at(self, offset: Offset | None) -> None:
        self._offset = offset
        self._up_to = 0 if offset is None else offset.position
        self._held: deque[_Held] = deque()
        self._runs: dict[str, deque[RunBytes]] = {}
        self._cost = 0
        self._polled = 0
        self._seen = 0
        self._all_read = False

    def _keep(self, row: CommitRow, runs: Sequence[Run]) -> None:
        held = _Held(row, runs, cost_of(row, runs))
        self._held.append(held)
        self._cost += held.cost
        for run in runs:
            self._runs.setdefault(run.entity, deque()).append((run, row))
        self._up_to = row.last

    def _oldest_block(self) -> list[CommitRow]:
        length = block_length(held.cost for held in self._held)
        return [self._held[number].row for number in range(length)]
