"""How far a tenant was told, and when the next attempt is due: pure rules over one small value.

An attempt is written down before it is made, with the time at which another may be: so a process that dies in the
middle leaves a note that runs out, two processes do not send the same at the same time, and a receiver that makes
senders die is not called without a pause.
"""

from __future__ import annotations

import msgspec

ATTEMPT_MS = 30_000
"""Longer than any attempt takes: while it lasts nobody else makes one."""

FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 3_600_000
ERROR_CHARACTERS = 200


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where one tenant stands.

    Attributes:
        tenant: Whose.
        sent: Sequence number in the tenant's stream up to which everything owed was told.
        attempts: How often the next message was tried in vain (an attempt under way counts).
        due_at_ms: Nothing is tried before this.
        delivered: How many messages were taken.
        tried_at_ms: When the latest attempt began, or None.
        status: HTTP status of the latest attempt that was answered, or None.
        error: Why the latest attempt failed, or empty.
        revision: How often this was stored; whoever stores it must have seen the newest.
    """

    tenant: str
    sent: int = 0
    attempts: int = 0
    due_at_ms: int = 0
    delivered: int = 0
    tried_at_ms: int | None = None
    status: int | None = None
    error: str = ""
    revision: int = 0


def pause_ms(attempts: int) -> int:
    """How long to wait behind this many attempts in vain: 1, 2, 4 … seconds, an hour at most."""
    return min(FIRST_PAUSE_MS << min(max(attempts, 1) - 1, 32), LONGEST_PAUSE_MS)


def due_at_ms(progress: Progress, set_at_ms: int) -> int:
    """When to try next; at once where the webhook was set anew since the latest attempt."""
    if progress.attempts and progress.tried_at_ms is not None and set_at_ms > progress.tried_at_ms:
        return min(set_at_ms, progress.due_at_ms)  # the machine that set it may have a clock that is ahead
    return progress.due_at_ms


def begun(progress: Progress, now_ms: int) -> Progress:
    """Before an attempt."""
    attempts = progress.attempts + 1
    due_ms = now_ms + max(ATTEMPT_MS, pause_ms(attempts))
    return msgspec.structs.replace(progress, attempts=attempts, due_at_ms=due_ms, tried_at_ms=now_ms)


def told(progress: Progress, sequence: int, status: int) -> Progress:
    """After an attempt that was taken."""
    return msgspec.structs.replace(
        progress, sent=sequence, attempts=0, due_at_ms=0, delivered=progress.delivered + 1, status=status, error=""
    )


def refused(progress: Progress, now_ms: int, status: int | None, error: str) -> Progress:
    """After an attempt in vain."""
    due_ms = now_ms + pause_ms(progress.attempts)
    return msgspec.structs.replace(progress, due_at_ms=due_ms, status=status, error=error[:ERROR_CHARACTERS])


def passed(progress: Progress, sequence: int) -> Progress:
    """Behind events that are owed to nobody."""
    return msgspec.structs.replace(progress, sent=max(progress.sent, sequence), attempts=0, due_at_ms=0)
