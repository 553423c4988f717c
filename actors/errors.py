"""What the actors raise to whoever submits."""

from __future__ import annotations


class ActorsError(Exception):
    """Base of all errors of this package."""


class MailboxFullError(ActorsError):
    """The shard's mailbox is full: come back later (429)."""

    def __init__(self, shard: int, retry_after_s: float) -> None:
        """Name the shard and when to come back."""
        super().__init__(f"mailbox of shard {shard} is full")
        self.shard = shard
        self.retry_after_s = retry_after_s


class NotOwnerError(ActorsError):
    """The shard is not served here: nothing was taken in, so whoever asked may ask the owner at once."""

    def __init__(self, shard: int) -> None:
        """Name the shard."""
        super().__init__(f"shard {shard} is not served by this process")
        self.shard = shard
        self.holder: str | None = None
        """The node that still serves it, where this process is to take it over and has not yet; else None."""


class StoppingError(ActorsError):
    """The region takes no more commands: the process is going away (503)."""
