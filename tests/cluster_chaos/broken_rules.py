"""Faults put in on purpose, to see that the judge finds them. They replace parts of the process they are installed in.

`reply-before-commit`: whoever asks is told as soon as a commit is on its way, which then takes its time.
`no-fence`: an owner writes under whatever epoch is the newest, behind whatever is there, and never forgets a shard.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from kinelog.actors.lease import Lease
from kinelog.actors.region import Region
from kinelog.journal.errors import FencedError, JournalError
from kinelog.journal.records import StoredEvent
from kinelog.journal.sqlite_journal import SqliteJournal, _epoch_and_head

from tests.cluster_chaos.replaced_parts import replace_part

UNWRITTEN_S = 0.5
"""How long a commit that was told stays unwritten."""

Done = Callable[[int | JournalError], None]
CommitSoon = Callable[[SqliteJournal, int, int, int, bytes, Sequence[StoredEvent], Done], None]


def install(name: str) -> None:
    """Break a rule in this process.

    Raises:
        KeyError: There is no such rule.
    """
    RULES[name]()


def _reply_before_commit() -> None:
    commit_soon: CommitSoon = SqliteJournal.commit_soon
    waiting: queue.SimpleQueue[tuple[float, Callable[[], None]]] = queue.SimpleQueue()

    def told_at_once(
        journal: SqliteJournal,
        shard: int,
        epoch: int,
        after: int,
        commit_id: bytes,
        events: Sequence[StoredEvent],
        done: Done,
    ) -> None:
        write = partial(commit_soon, journal, shard, epoch, after, commit_id, events, _nobody_is_told)
        waiting.put((time.monotonic() + UNWRITTEN_S, write))
        done(after + len(events))

    def write_late() -> None:
        pause = threading.Event()
        while True:
            due_s, write = waiting.get()
            pause.wait(max(0.0, due_s - time.monotonic()))
            write()

    threading.Thread(target=write_late, name="late-commits", daemon=True).start()
    replace_part(SqliteJournal, "commit_soon", told_at_once)


def _nobody_is_told(_outcome: int | JournalError) -> None:
    """They were told before."""


def _no_fence() -> None:
    commit_soon: CommitSoon = SqliteJournal.commit_soon

    def unfenced(
        journal: SqliteJournal,
        shard: int,
        epoch: int,
        after: int,
        commit_id: bytes,
        events: Sequence[StoredEvent],
        done: Done,
    ) -> None:
        def told(outcome: int | JournalError) -> None:
            if isinstance(outcome, FencedError):  # somebody wrote between the look and the commit: look again
                unfenced(journal, shard, epoch, after, commit_id, events, done)
            else:
                done(after + len(events) if isinstance(outcome, int) else outcome)

        with journal._readers.view() as connection:
            newest, head = _epoch_and_head(connection, shard)
        commit_soon(journal, shard, newest, head, commit_id, events, told)

    def always(_journal: SqliteJournal, _shard: int, _epoch: int) -> bool:
        return True

    replace_part(SqliteJournal, "commit_soon", unfenced)
    replace_part(SqliteJournal, "owns", always)
    replace_part(Lease, "over", property(lambda _lease: False))
    replace_part(Region, "forget", lambda _region, _shards: None)


RULES: dict[str, Callable[[], None]] = {"reply-before-commit": _reply_before_commit, "no-fence": _no_fence}
