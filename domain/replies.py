"""What an accepted command answers."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Done(msgspec.Struct, frozen=True, gc=False):
    """The command holds now; `changed` is False when it held already (an idempotent repeat)."""

    changed: bool = True


class FrameStatus(StrEnum):
    """What became of one frame."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


class FrameOutcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one frame, and for the refused ones why.

    Attributes:
        error: Stable code: a codec error's, `frame-conflict`, `frame-too-large`, `too-many-frames`,
            `sequence-out-of-range`, `too-many-devices`, `start-required` …; None for stored and duplicate.
        offset: Byte offset of the error, if it has one.
    """

    device: str
    sequence: int
    status: FrameStatus
    error: str | None = None
    offset: int | None = None
    detail: str | None = None


class FramesRecorded(msgspec.Struct, frozen=True, gc=False):
    """Outcome of each frame, in the order they were given; highest sequence known for each device concerned."""

    outcomes: tuple[FrameOutcome, ...]
    high_water: dict[str, int]


class SetRecorded(msgspec.Struct, frozen=True, gc=False):
    """Number and version of a labelled or corrected set; `created` is False for a repeat."""

    number: int
    version: int
    created: bool = True


class TokenAccepted(msgspec.Struct, frozen=True, gc=False):
    """A token was issued, refreshed or redeemed: whose and which."""

    token_id: str
    person: str | None
    device: str | None


class PairingAccepted(msgspec.Struct, frozen=True, gc=False):
    """A pairing code can now be redeemed."""

    expires_at_ms: int
