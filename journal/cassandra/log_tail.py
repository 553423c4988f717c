"""The end of one shard's log that the index of entities does not cover yet, in memory, shared by all recoveries.

It begins at an offset of the index and is extended by the owner's own commits; whoever recovers an entity also reads on
behind it, so a process that does not own the shard, or does no longer, sees everything too. It is bounded: when more
lies behind the index than `bound_bytes`, the owner copies the oldest part into the index itself before it commits more.
So an indexer that is stopped makes commits slower, and never recoveries wrong or memory full.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kinelog.journal.cassandra.entity_blocks import BLOCK_BYTES
from kinelog.journal.cassandra.entity_events import EntityEvents, Offset
from kinelog.journal.cassandra.held_commits import HeldCommits, RunBytes
from kinelog.journal.cassandra.log_rows import LogRows, batches
from kinelog.journal.commit_row import CommitRow, Run
from kinelog.journal.errors import CorruptError

TAIL_BYTES = 4 * BLOCK_BYTES
POLL_BYTES = BLOCK_BYTES // 2
"""So often, in bytes committed, the owner looks how far the index has come."""


class TailView(NamedTuple):
    """What a tail held at one moment of one entity: its runs in `offset.position < position ≤ up_to`."""

    offset: Offset
    up_to: int
    runs: Sequence[RunBytes]


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
        self._held: HeldCommits | None = None
        self._all_read = False
        self._polling = False
        self._polled_cost = 0
        self._reading = threading.Lock()
        self._begun = 0
        self._refreshed = 0

    # ── for whoever commits ──────────────────────────────────────────────────────────────────────────────────────

    def committed(self, row: CommitRow, runs: Sequence[Run]) -> None:
        """Add a commit of this process; quick, and never waits for the cluster."""
        with self._lock:
            if self._held is None:
                return
            self._held.add(row, runs)
            # A tail always holds the block that is not full yet: only what goes beyond that can have been indexed.
            poll = (
                not self._polling
                and self._held.cost > BLOCK_BYTES
                and self._held.cost - self._polled_cost >= POLL_BYTES
            )
            self._polling |= poll
        if poll:
            self._index.offset_soon(self._shard, self._polled)

    def has_room(self) -> bool:
        """Whether another commit may be made: all that lies behind the index is known, and within the bound."""
        with self._lock:
            return self._held is not None and self._complete(self._held) and self._held.cost <= self._bound

    def make_room(self) -> None:
        """Read what lies behind the index, and index its oldest blocks until the rest is within the bound.

        Takes some tens of milliseconds a block. Idempotent, whoever else does the same.

        Raises:
            UnavailableError: The cluster does not answer; the same call goes on where it was.
            CorruptError: The log is damaged where the index has to go on.
        """
        while not self.has_room():
            self.refresh()
            with self._lock:
                held = self._held
                if held is None:
                    continue
                if held.cost <= self._bound:
                    if self._all_read and held.up_to < held.seen:
                        # Read to its end, and not as far as we have committed: it would be read again for ever.
                        where = f"shard {self._shard}, position {held.up_to + 1}"
                        raise CorruptError(where, f"the log does not go on there, and {held.seen} was committed")
                    continue
                generation, block = held.offset.generation, held.oldest_block()
            self._index.write(generation, block)
            self._index.move_offset(self._shard, Offset(generation, block[-1].last))

    def forget(self) -> None:
        """Give the memory back: this process does not own the shard any more, or takes it anew."""
        with self._lock:
            self._held = None

    # ── for whoever recovers ─────────────────────────────────────────────────────────────────────────────────────

    def view(self, entity: str, after_sequence: int) -> TailView:
        """What is held of an entity. Take it *before* the index is read, and `behind` after.

        Raises:
            UnavailableError: Nothing was held yet and the cluster does not answer.
        """
        while True:
            with self._lock:
                held = self._held
                if held is not None:
                    runs = held.runs_of(entity, after_sequence, held.offset.position)
                    return TailView(held.offset, held.up_to, runs)
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
            held = self._held
            if (
                held is None
                or held.offset.generation != view.offset.generation
                or not view.offset.position <= held.offset.position <= view.up_to
            ):
                return None
            newer = held.runs_of(entity, after_sequence, view.up_to)
            up_to, complete = held.up_to, self._complete(held)
        return self._following([*view.runs, *newer], entity, up_to, complete=complete)

    def index_replaced(self, view: TailView) -> bool:
        """Whether the index has a newer generation than the view's: what was wrong with that one may be mended.

        Raises:
            UnavailableError: The cluster does not answer.
        """
        self.refresh()
        with self._lock:
            return self._held is None or self._held.offset.generation != view.offset.generation

    def refresh(self) -> None:
        """Follow the index and read on to the end of the log, or up to the bound.

        Of many callers at once one reads for all that came before it began.
        """
        arrived = self._begun
        with self._reading:
            if self._refreshed > arrived:
                return
            self._begun += 1
            began = self._begun
            held = self._follow(self._index.offset(self._shard))
            self._read_on(held)
            self._refreshed = began

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _complete(self, held: HeldCommits) -> bool:
        """Whether nothing is known to lie behind what is held."""
        return self._all_read and held.up_to >= held.seen

    def _following(self, known: Sequence[RunBytes], entity: str, up_to: int, *, complete: bool) -> Iterator[RunBytes]:
        yield from known
        if complete:
            return
        # More than may be held: looked through once, for this entity alone. Slow, and right without any index.
        for rows in batches(self._log, self._shard, up_to):
            for row in rows:
                yield from ((run, row) for run in row.runs() if run.entity == entity)

    def _follow(self, offset: Offset) -> HeldCommits:
        """Let go of what is indexed; start anew where that is not a step forwards within what is held."""
        with self._lock:
            self._polled_cost = 0
            if self._held is not None and self._held.follows(offset):
                self._held.forget_up_to(offset)
            else:
                self._held = HeldCommits(offset)
                self._all_read = False
            return self._held

    def _read_on(self, held: HeldCommits) -> None:
        all_read = held.cost <= self._bound
        for rows in batches(self._log, self._shard, held.up_to) if all_read else ():
            read = [(row, row.runs()) for row in rows]
            with self._lock:
                for row, runs in read:
                    if held.cost <= self._bound:
                        held.add(row, runs)  # perhaps in vain: own commits are added from another thread
                    else:
                        all_read = False
            if not all_read:
                break
        with self._lock:
            if self._held is held:
                self._all_read = all_read

    def _polled(self, offset: Offset | None) -> None:
        with self._lock:
            self._polling = False
            held = self._held
            if held is not None:
                # Anything else than a step forwards needs the log read anew, and whoever needs that does it.
                if offset is not None and held.follows(offset):
                    held.forget_up_to(offset)
                self._polled_cost = held.cost
