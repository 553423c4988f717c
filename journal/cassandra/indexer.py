"""Copying the log into the index of entities: behind the owners' backs, as late and as often as it likes.

The order is: the rows of a block, then the offset behind it. After a failure or an unknown outcome the same block is
written again from the offset. Rows are a function of the log and the offset only goes forwards (see `entity_events`):
several indexers on one shard, a stale one, or one that is killed anywhere do no harm; they only waste work.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kinelog.journal.cassandra.entity_blocks import block_length, cost_of, stretch_of
from kinelog.journal.cassandra.entity_events import EntityEvents, Offset
from kinelog.journal.cassandra.log_rows import LogRows, batches
from kinelog.journal.commit_row import CommitRow
from kinelog.journal.errors import JournalError, UnavailableError

_log = logging.getLogger(__name__)

SHORTEST_WAIT_S = 0.02
LONGEST_WAIT_S = 1.0
"""Nobody waits for the index: it only keeps tails short."""


@dataclass
class _Gathered:
    """Commits of a shard behind the offset that do not make a block yet, so that they are read once."""

    offset: Offset
    rows: list[CommitRow] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)

    @property
    def up_to(self) -> int:
        return self.rows[-1].last if self.rows else self.offset.position

    def add(self, row: CommitRow) -> None:
        self.rows.append(row)
        self.costs.append(cost_of(row, row.runs()))

    def take(self) -> list[CommitRow]:
        """The first whole block; empty if there is none."""
        length = block_length(self.costs)
        block = self.rows[:length]
        del self.rows[:length], self.costs[:length]
        return block


class Indexer:
    """Keeps the index of some shards; belongs to one thread."""

    def __init__(self, index: EntityEvents, log: LogRows, shards: Iterable[int]) -> None:
        """Prepare; nothing is read or written before `step` or `run`."""
        self._index = index
        self._log = log
        self._shards = sorted(shards)
        self._gathered: dict[int, _Gathered] = {}

    def follow(self, shards: Iterable[int]) -> None:
        """Index these shards from the next round on. From any thread."""
        self._shards = sorted(shards)

    def run(self, stop: threading.Event) -> None:
        """Index until `stop` is set; what cannot be done now is tried again."""
        wait = SHORTEST_WAIT_S
        while not stop.is_set():
            written = 0
            shards = self._shards
            for left in self._gathered.keys() - shards:
                del self._gathered[left]
            for shard in shards:
                if not stop.is_set():
                    written += self._try(shard)
            wait = SHORTEST_WAIT_S if written else min(wait * 2, LONGEST_WAIT_S)
            stop.wait(0 if written else wait)

    def catch_up(self) -> int:
        """Index until nothing makes a block any more; how many blocks that were.

        Raises:
            UnavailableError: The cluster does not answer; the same call goes on.
            CorruptError: A commit is damaged.
        """
        total = 0
        while blocks := self.step():
            total += blocks
        return total

    def step(self) -> int:
        """Write up to one block of each shard; how many were written.

        Raises:
            UnavailableError: The cluster does not answer; the same call goes on.
            CorruptError: A commit is damaged.
        """
        return sum(self.step_of(shard) for shard in self._shards)

    def step_of(self, shard: int) -> int:
        """As `step`, of one shard."""
        offset = self._index.offset(shard)
        # Taken out until it is all done: after an error everything is read again from the offset.
        gathered = self._gathered.pop(shard, None)
        if gathered is None or gathered.offset != offset:
            gathered = _Gathered(offset)  # somebody else was here: begin behind their work
        _read_on(gathered, self._log, shard)
        if block := gathered.take():
            self._index.write(offset.generation, block)
            gathered.offset = Offset(offset.generation, block[-1].last)
            self._index.move_offset(shard, gathered.offset)
        self._gathered[shard] = gathered
        return 1 if block else 0

    def _try(self, shard: int) -> int:
        try:
            return self.step_of(shard)
        except UnavailableError as error:
            _log.warning("shard %d was not indexed, will be tried again: %s", shard, error)
        except JournalError as error:
            # Its owner stops committing when too much lies behind the index; other shards go on.
            _log.error("shard %d cannot be indexed: %s", shard, error)
        return 0


class IndexRebuild:
    """Builds the next generation of a shard's index from the log beside the one that is read, then switches to it.

    Readers notice the switch after they read the index, and then read the new one; the old one is deleted after it. May
    be stopped anywhere and begun again: what was written is written again, and is the same.
    """

    def __init__(self, index: EntityEvents, log: LogRows, shard: int) -> None:
        """Prepare for one shard."""
        self._index = index
        self._log = log
        self._shard = shard

    def run(self, progress: Callable[[int, int], None], stopped: Callable[[], bool]) -> bool:
        """Build, switch, and delete the generation before.

        Args:
            progress: Told the position reached, and the one to reach.
            stopped: Asked between blocks; whether to stop.

        Returns:
            Whether it was finished.

        Raises:
            UnavailableError: The cluster does not answer; the same call begins again.
            CorruptError: A commit is damaged.
        """
        live = self._index.offset(self._shard)
        built = Offset(live.generation + 1, 0)
        for block in _blocks(self._log, self._shard):
            if stopped():
                return False
            self._index.write(built.generation, block)
            built = Offset(built.generation, block[-1].last)
            progress(built.position, max(live.position, built.position))
            if built.position >= live.position:
                break  # from here on the indexer goes on, and owners' tails are as short as before
        self._index.move_offset(self._shard, built)
        self._delete(live)
        return True

    def start_over(self) -> None:
        """Begin a generation with nothing in it, for an index that was lost.

        Until it is built, whoever recovers reads the log itself: right, and slow.
        """
        live = self._index.offset(self._shard)
        self._index.move_offset(self._shard, Offset(live.generation + 1, 0))

    def _delete(self, old: Offset) -> None:
        for rows in batches(self._log, self._shard, 0):
            stretches = {
                (run.entity, stretch)
                for row in rows
                if row.first <= old.position
                for run in row.runs()
                for stretch in range(stretch_of(run.last_sequence - run.count + 1), stretch_of(run.last_sequence) + 1)
            }
            self._index.delete(old.generation, sorted(stretches))
            if not rows or rows[-1].last >= old.position:
                return


def _read_on(gathered: _Gathered, log: LogRows, shard: int) -> None:
    if block_length(gathered.costs):
        return
    for rows in batches(log, shard, gathered.up_to):
        for row in rows:
            gathered.add(row)
        if block_length(gathered.costs):
            return


def _blocks(log: LogRows, shard: int) -> Iterator[Sequence[CommitRow]]:
    """The whole blocks of a log, from its beginning."""
    gathered = _Gathered(Offset(0, 0))
    for rows in batches(log, shard, 0):
        for row in rows:
            gathered.add(row)
        while block := gathered.take():
            yield block
