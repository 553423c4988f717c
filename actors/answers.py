"""What a shard answers to a submitted command."""

from __future__ import annotations

import msgspec
from kinelog.domain.errors import Rejection


class LogPosition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A place in the log: everything up to it in this shard happened before the answer."""

    shard: int
    position: int


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The command was decided and everything it speaks of is committed.

    Attributes:
        reply: A value of `kinelog.domain.replies`, or a state for a query.
        at: Pass it as `min_position` to read one's own write.
    """

    reply: object
    at: LogPosition


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The state machine refused the command; nothing was stored."""

    rejection: Rejection


class Erased(msgspec.Struct, frozen=True, gc=False):
    """The person was erased (or never existed in this store)."""


class Unavailable(msgspec.Struct, frozen=True, gc=False):
    """Nothing was acknowledged; the same command may be sent again.

    Attributes:
        reason: `storage-full`, `store-unavailable`, `outcome-unknown` (the command may have been stored: sending it
            again finds out), `fenced` (another process owns the shard), `recovery-failed`, `busy` (too many commands
            of this person wait for a recovery), `restarting` (the shard crashed), `defect` (deciding this command
            raised; the log says how), `moved` (the shard goes to another process), `stopping`, `lost` (this process
            may have been declared gone, so it says nothing; what it was asked may have been stored).
        retry_after_s: When to come back.
    """

    reason: str
    retry_after_s: float = 1.0


Answer = Accepted | Refused | Erased | Unavailable

REPEATABLE: frozenset[str] = frozenset(
    {
        # Handed back before it was part of any commit: the shard is on its way to another owner.
        "moved",
        # The same, because the process goes away.
        "stopping",
        # The same, because the shard crashed before it had taken the command out of its mailbox.
        "restarting",
        # The store refused the commit that carried it, for a newer epoch: refused means not written, now or later.
        "fenced",
    }
)
"""Reasons that prove that nothing was stored, and that asking again at once, perhaps elsewhere, is of use.

Not among them, though nothing was stored: `storage-full`, `store-unavailable`, `recovery-failed`, `busy` and
`defect`. There the owner is the right one and cannot; asking it again at once only adds to what it cannot do. Never:
`outcome-unknown` and `lost`, after which the command may be in the log.
"""
