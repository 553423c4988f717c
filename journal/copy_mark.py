"""What a copy of a log notes at its destination: whose copy it is, and how far the round goes that is being copied.

The events themselves say what is there already. The mark says which part of the source they are the beginning of, so
that a copy that was killed goes on where it stopped, also when the source has grown or the number of shards differs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import msgspec
from kinelog.journal.errors import IncompatibleStoreError, JournalError
from typing_extensions import override


class CopyRefusedError(JournalError):
    """The destination is not what this source can be copied into; the message says what to do. Nothing was written."""


class CopyMark(msgspec.Struct, frozen=True, kw_only=True):
    """One round of copying: what the source held when the round began, behind what earlier rounds had copied.

    Attributes:
        source: Incarnation of the source.
        shards: Number of shards of the source.
        begun: Last position copied by earlier rounds, for each shard of the source.
        until: Last position of this round, for each shard of the source.
        heads: Head of each shard of the destination when the round began.
        ended: The same when the round had ended; None while it has not.
        complete: Everything of the source was copied and compared, and nobody wrote to it meanwhile.
    """

    source: str
    shards: int
    begun: tuple[int, ...]
    until: tuple[int, ...]
    heads: tuple[int, ...]
    ended: tuple[int, ...] | None = None
    complete: bool = False

    def encoded(self) -> str:
        """As it is stored."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decoded(cls, text: str) -> CopyMark:
        """From what is stored.

        Raises:
            IncompatibleStoreError: It is no such mark.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            message = f"the mark of an unfinished copy cannot be read ({error}): copy into an empty store"
            raise IncompatibleStoreError(message) from error


class CopyMarks(ABC):
    """Where a destination keeps the mark: beside its log, and as durable."""

    @abstractmethod
    def read(self) -> CopyMark | None:
        """The mark, or None in a store that is no copy.

        Raises:
            JournalError: The store does not answer, or the mark cannot be read.
        """

    @abstractmethod
    def replace(self, known: CopyMark | None, mark: CopyMark) -> None:
        """Put `mark` in the place of the one that the caller knows; durable before it returns.

        Raises:
            CopyRefusedError: There is another one by now: somebody else copies into the same store.
            JournalError: The store does not answer.
        """


class MemoryCopyMarks(CopyMarks):
    """The mark of a journal in memory."""

    def __init__(self) -> None:
        """No mark yet."""
        self._mark: CopyMark | None = None

    @override
    def read(self) -> CopyMark | None:
        return self._mark

    @override
    def replace(self, known: CopyMark | None, mark: CopyMark) -> None:
        if self._mark != known:
            raise copied_by_another()
        self._mark = mark


def copied_by_another() -> CopyRefusedError:
    """The error for a mark that somebody else has changed."""
    return CopyRefusedError("another copy into the same destination is running: let it finish, or stop it")


def require_complete(mark: CopyMark | None) -> None:
    """Refuse a store that is the destination of an unfinished copy: what is missing there would never come.

    Raises:
        IncompatibleStoreError: It is.
    """
    if mark is not None and not mark.complete:
        raise IncompatibleStoreError(
            "this log is an unfinished copy of another one: stop what writes to that one, and run the same "
            "`kinelog journal copy` again until it says that the copy is complete"
        )
