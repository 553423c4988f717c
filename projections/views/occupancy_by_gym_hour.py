"""`occupancy_by_gym_hour`: from when to when each session kept its person at a gym.

One row a session and shard, counted by the gym's local hour on reading: a deletion takes its share out by removing its
row, and the hour follows the time zone that the gym has now.
"""

from __future__ import annotations

from kinelog.domain.events import (
    Event,
    FrameRecorded,
    SessionEnded,
    SessionStarted,
    SetLabelled,
    block_start_ms,
)
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.tables import Record, Table

LONGEST_VISIT_MS = 24 * 3_600_000
"""Nobody is counted as present for longer than a day after the start, whatever a device's clock says."""


class Presence(Record):
    """A visit: the last sign of life is the end of the newest frame or set, or the end that the phone gave."""

    tenant: str
    gym: str
    started_at_ms: int
    until_ms: int
    shard: int


PRESENCES = Table("occupancy_by_gym_hour", Presence, key=("tenant", "gym", "started_at_ms", "entity"))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """Stretch a visit to its last sign of life."""
    if isinstance(event, SessionStarted):
        if event.gym is not None:
            start = event.started_at_ms
            rows.put(PRESENCES, Presence(at.entity, at.names.tenant, event.gym, start, start, at.shard))
        return
    presence = rows.one(PRESENCES, at.entity)
    if presence is None:
        return
    seen_ms = min(_last_sign_ms(event), presence.started_at_ms + LONGEST_VISIT_MS)
    if seen_ms > presence.until_ms:
        presence.until_ms = seen_ms
        rows.put(PRESENCES, presence)


def _last_sign_ms(event: Event) -> int:
    match event:
        case FrameRecorded():
            return _frame_end_ms(event)
        case SetLabelled():
            return event.end_ms
        case SessionEnded() if event.how != "superseded":
            return event.ended_at_ms
        # Of superseded and abandoned sessions the service knows when it last heard, which for a bulk upload is days
        # after the visit: their frames and sets have to do.
        case _:
            return 0


def _frame_end_ms(event: FrameRecorded) -> int:
    latest = 0
    for block in event.summary.blocks:
        latest = max(latest, block_start_ms(event, block) + block.count * 1000 // block.pace_hz)
    return latest


OCCUPANCY_BY_GYM_HOUR = view(
    "occupancy_by_gym_hour",
    1,
    (PRESENCES,),
    (SessionStarted, FrameRecorded, SetLabelled, SessionEnded),
    fold,
)
