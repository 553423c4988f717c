"""How many blocks a body may hold, so that a body of empty blocks cannot buy a hundred times its size in memory.

A block that holds nothing takes 5 bytes on the wire and some hundred in memory. Real devices send at least ten samples
a block, and a body of an hour of them is still within the limit; beyond it memory would leave the few times the length
of the body that it is kept to.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from kinelog.codecs.errors import TooManyBlocksError

_FREE_BLOCKS = 4096
_BYTES_PER_BLOCK = 64

Entry = TypeVar("Entry")


def most_blocks(body_bytes: int) -> int:
    """Blocks that a body of this length may hold: 4096, and one more for every 64 bytes."""
    return _FREE_BLOCKS + body_bytes // _BYTES_PER_BLOCK


class BlockRun(Generic[Entry]):
    """The blocks that a walk finds.

    Those beyond the limit are walked too, so that errors keep their order, but not kept.

    Attributes:
        found: What describes each block, at most as many as the limit allows.
    """

    def __init__(self, body_bytes: int) -> None:
        """Start with nothing found."""
        self.found: list[Entry] = []
        self._limit = most_blocks(body_bytes)
        self._first_excess: int | None = None

    def add(self, offset: int, entry: Entry) -> None:
        """Keep a block, unless it is one too many."""
        if len(self.found) < self._limit:
            self.found.append(entry)
        elif self._first_excess is None:
            self._first_excess = offset

    def refuse_excess(self) -> None:
        """Speak of the limit once everything else has been found right.

        Raises:
            TooManyBlocksError: At the first block beyond the limit.
        """
        if self._first_excess is not None:
            raise TooManyBlocksError(self._first_excess, f"a body of this length may hold {self._limit} blocks")
