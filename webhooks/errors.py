"""What can go wrong with announcing and sending, apart from what receivers do."""

from __future__ import annotations


class WebhooksError(Exception):
    """Base of all errors of this package."""


class ProgressUnavailableError(WebhooksError):
    """The store of progress does not answer. What was asked may or may not have happened: ask the same again."""


class NotNowError(WebhooksError):
    """The tenant's shard does not answer now; the same may be asked again."""


class RefusedCommandError(WebhooksError):
    """The tenant's state machine says no, and would say so again.

    Attributes:
        code: Why; `tenant-unknown` for a tenant that nobody made.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Say why."""
        super().__init__(f"{code}: {detail}")
        self.code = code
