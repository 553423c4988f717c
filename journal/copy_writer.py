"""The writing end of a copy: one shard of the destination, from the series of events that it is to receive."""

from __future__ import annotations

import secrets

from kinelog.journal.copy_mark import CopyRefusedError
from kinelog.journal.errors import CommitTooLargeError, FencedError, UnknownOutcomeError
from kinelog.journal.port import Journal
from kinelog.journal.records import StoredEvent

OWNER = "journal copy"
ATTEMPTS = 8
"""How often an unknown outcome is cleared up before the copy gives up; begun again, it goes on."""

_OVERHEAD_BYTES = 128


class ShardWriter:
    """Takes the whole series of a round and writes what the shard does not have of it. For one thread.

    The head that comes with the epoch says how much the shard has: from then on nobody else can add to it.
    """

    def __init__(self, journal: Journal, shard: int, begun: int) -> None:
        """Take the shard.

        Args:
            journal: The destination.
            shard: The shard.
            begun: Its head when the round began.

        Raises:
            CopyRefusedError: It has fewer events than then.
            UnknownOutcomeError: The store does not say which epoch was given.
        """
        self._journal = journal
        self._shard = shard
        self._gathered: list[StoredEvent] = []
        self._bytes = 0
        self._epoch, self._head = self._acquire()
        self._known = self._head - begun
        if self._known < 0:
            raise self._foreign()

    def skip_known(self, source: Journal, after: int, until: int) -> int:
        """Where the source's shard has this very series behind `after`: how many of it are here already."""
        known = self._known
        if known:
            if after + known > until or source.read(self._shard, after + known - 1, 1)[0].event != self._newest():
                raise self._foreign()
            self._known = 0
        return known

    def add(self, event: StoredEvent) -> None:
        """The next event of the series.

        Raises:
            CopyRefusedError: The shard holds something else in its place.
        """
        if self._known:
            self._known -= 1
            # Compared where the two meet: whoever else wrote here wrote behind what this copy had written.
            if self._known == 0 and self._newest() != event:
                raise self._foreign()
            return
        self._gathered.append(event)
        self._bytes += len(event.payload.ciphertext) + _OVERHEAD_BYTES

    def write(self, at_least: int) -> None:
        """Commit what is gathered if it has so many bytes.

        Raises:
            FencedError: Somebody else writes to the destination.
            CommitTooLargeError: A single event is larger than the destination takes.
            UnknownOutcomeError: The store does not say what became of a commit.
        """
        if self._bytes >= at_least:
            events, self._gathered, self._bytes = self._gathered, [], 0
            self._commit(events)

    def require_all_known(self) -> None:
        """The series has ended.

        Raises:
            CopyRefusedError: The shard holds more than the series.
        """
        if self._known:
            raise self._foreign()

    def _commit(self, events: list[StoredEvent]) -> None:
        for _ in range(ATTEMPTS):
            commit_id = secrets.token_bytes(16)
            try:
                self._head = self._journal.commit(self._shard, self._epoch, self._head, commit_id, events)
            except CommitTooLargeError:
                if len(events) == 1:
                    raise
                self._commit(events[: len(events) // 2])
                self._commit(events[len(events) // 2 :])
            except UnknownOutcomeError:
                if not self._became(commit_id, len(events)):
                    continue
            return
        raise UnknownOutcomeError(f"shard {self._shard} of the destination does not say what became of a commit")

    def _became(self, commit_id: bytes, events: int) -> bool:
        """Whether a commit of an unknown outcome was applied; if not, it never will be."""
        epoch, after = self._epoch, self._head
        self._epoch, self._head = self._acquire()
        applied = self._journal.outcome(self._shard, epoch, after, commit_id).applied
        if self._head != after + (events if applied else 0):
            raise FencedError(self._shard, epoch)
        return applied

    def _acquire(self) -> tuple[int, int]:
        for _ in range(ATTEMPTS - 1):
            try:
                acquired = self._journal.acquire(self._shard, OWNER)
            except UnknownOutcomeError:
                continue
            return acquired.epoch, acquired.head
        acquired = self._journal.acquire(self._shard, OWNER)
        return acquired.epoch, acquired.head

    def _newest(self) -> StoredEvent:
        return self._journal.read(self._shard, self._head - 1, 1)[0].event

    def _foreign(self) -> CopyRefusedError:
        return CopyRefusedError(
            f"shard {self._shard} of the destination holds events that are not of this source, so somebody else "
            "wrote to the unfinished copy: copy into an empty destination"
        )
