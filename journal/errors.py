"""What a store can answer but success."""

from __future__ import annotations


class JournalError(Exception):
    """Base of all errors of the journal."""


class FencedError(JournalError):
    """A newer epoch exists: this writer lost the shard. Nothing was written."""

    def __init__(self, shard: int, epoch: int, newest: int | None = None) -> None:
        """Remember which epoch lost against which."""
        super().__init__(f"shard {shard}: epoch {epoch} is fenced off (newest: {newest})")
        self.shard = shard
        self.epoch = epoch
        self.newest = newest


class UnknownOutcomeError(JournalError):
    """The write may or may not have happened, or may yet: acquire a new epoch, then ask `outcome`."""


class StorageFullError(JournalError):
    """No room on the device. Nothing was written; the same call succeeds once there is room."""


class UnavailableError(JournalError):
    """The store does not answer; nothing was written."""


class CommitTooLargeError(JournalError):
    """The commit is larger than the store takes. Nothing was written."""

    def __init__(self, size: int, limit: int) -> None:
        """Remember both sizes in bytes."""
        super().__init__(f"a commit of {size} bytes; at most {limit}")
        self.size = size
        self.limit = limit


class IncompatibleStoreError(JournalError):
    """The store was made with another layout or number of shards; the message says what to do."""


class CorruptError(JournalError):
    """A stored record is damaged."""

    def __init__(self, where: str, why: str) -> None:
        """Name the record and the damage."""
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


class UnknownEventError(JournalError):
    """An event of a type or version that this code does not know."""
