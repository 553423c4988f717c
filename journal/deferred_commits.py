"""What stores have in common that answer commits later: waiting for one is the same for all of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from kinelog.journal.errors import JournalError
from kinelog.journal.port import Journal
from kinelog.journal.records import StoredEvent
from typing_extensions import override


class DeferredCommits(Journal):
    """A journal whose own way to commit is `commit_soon`."""

    @override
    def commit(self, shard: int, epoch: int, after: int, commit_id: bytes, events: Sequence[StoredEvent]) -> int:
        waiting: Future[int | JournalError] = Future()
        self.commit_soon(shard, epoch, after, commit_id, events, waiting.set_result)
        outcome = waiting.result()
        if isinstance(outcome, JournalError):
            raise outcome
        return outcome

    @abstractmethod
    @override
    def commit_soon(
        self,
        shard: int,
        epoch: int,
        after: int,
        commit_id: bytes,
        events: Sequence[StoredEvent],
        done: Callable[[int | JournalError], None],
    ) -> None: ...
