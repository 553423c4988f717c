"""What a simulation counts, and the verdict over it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec


class SimulationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent, what the service said to it, and what it says it holds.

    Attributes:
        frames_made: Frames that the watches packed.
        lost_on_purpose: Of these, the ones that never reached a phone.
        sent_clean, sent_again, sent_damaged: Sendings; `sent_again` counts retransmissions of clean frames.
        acknowledged: Distinct frames that the service acknowledged.
        stored, duplicate: What the acknowledgements said.
        refused: Refused sendings by stable name.
        refused_clean: Clean frames that were refused; 0 in a sound run.
        accepted_damaged: Damaged frames that were not refused; 0 in a sound run.
        service_stored: Frames that the service says it holds, over all verified sessions.
        missing_acknowledged: Acknowledged frames that the service does not hold; 0, or the service lost something.
        compared_sessions: Sessions that were held against what the service says.
        unverified_sessions: Sessions that could not be compared because the service was gone or refused them.
        verdict: `sound`, `incomplete` or `lost`.
    """

    users: int
    sessions: int
    frames_made: int
    lost_on_purpose: int
    sent_clean: int
    sent_again: int
    sent_damaged: int
    acknowledged: int
    stored: int
    duplicate: int
    refused: dict[str, int]
    refused_clean: int
    accepted_damaged: int
    labels: int
    corrections: int
    resent_at_end: int
    attempts: int
    answered_later: int
    connections_lost: int
    service_stored: int
    service_gaps: int
    service_rejects: int
    missing_acknowledged: int
    compared_sessions: int
    unverified_sessions: int
    seconds: float
    frames_per_second: float
    verdict: str

    @property
    def open_sessions(self) -> int:
        """Sessions that were still going on when the simulation was stopped."""
        return self.sessions - self.compared_sessions - self.unverified_sessions


@dataclass(slots=True)
class Tally:
    """The running counts of a simulation; see `SimulationReport`."""

    users: int = 0
    sessions: int = 0
    frames_made: int = 0
    lost_on_purpose: int = 0
    sent_clean: int = 0
    sent_again: int = 0
    sent_damaged: int = 0
    acknowledged: int = 0
    stored: int = 0
    duplicate: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    refused_clean: int = 0
    accepted_damaged: int = 0
    labels: int = 0
    corrections: int = 0
    resent_at_end: int = 0
    service_stored: int = 0
    service_gaps: int = 0
    service_rejects: int = 0
    missing_acknowledged: int = 0
    compared_sessions: int = 0
    unverified_sessions: int = 0

    @property
    def verdict(self) -> str:
        """`lost` when an acknowledged frame is gone, `incomplete` when not all could be sent or compared."""
        if self.missing_acknowledged:
            return "lost"
        if self.unverified_sessions or self.refused_clean or self.accepted_damaged:
            return "incomplete"
        return "sound"
