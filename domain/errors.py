"""Why a command is refused: part of the answer to the caller, never a crash."""

from __future__ import annotations

import msgspec


class Rejection(msgspec.Struct, frozen=True):
    """A refusal by the state machine.

    Attributes:
        code: Stable name (`session-not-started`); the API's problem `type` ends with it.
        detail: One sentence for people, saying what to do.
        pointer: JSON pointer of the field at fault, or None.
        retryable: Whether the same command may succeed later without being changed.
        extra: What the caller needs to act on it (missing ranges, the version that is current …).
    """

    code: str
    detail: str
    pointer: str | None = None
    retryable: bool = False
    extra: dict[str, object] | None = None
