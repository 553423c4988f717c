"""`live_by_gym`: what happens at a gym, for its screen: a bounded tail of each shard's log.

Frames are thinned to one entry a session and second of arrival, so that a bulk upload does not flood the screen.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from kinelog.domain.events import (
    Event,
    FrameRecorded,
    SessionAbandoned,
    SessionDeleted,
    SessionEnded,
    SessionStarted,
    SetCorrected,
    SetLabelled,
)
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.rows import LiveRow
from kinelog.projections.tables import Record, Table

KEPT_POSITIONS = 20_000
"""How far behind its shard's newest event an entry may be: about a minute of a whole shard at full ingest, far more of
an ordinary one."""

FRAME_EVERY_MS = 1000


class LiveEntry(Record):
    """One entry of the stream."""

    tenant: str
    gym: str
    shard: int
    position: int
    event: str
    at_ms: int
    detail: dict[str, str | int | float | None]


class LiveSession(Record):
    """Where a session is, and when it last showed a frame."""

    gym: str
    last_frame_ms: int


ENTRIES = Table("live_by_gym", LiveEntry, key=("tenant", "gym", "shard", "position"), indexes=(("shard", "position"),))
LIVE_SESSIONS = Table("live_sessions", LiveSession, key=("entity",))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """Add what a screen would show."""
    if isinstance(event, SessionStarted):
        if event.gym is not None:
            rows.put(LIVE_SESSIONS, LiveSession(at.entity, event.gym, event.at_ms - FRAME_EVERY_MS))
            _add(rows, at, event, event.gym, "started", {"plan": event.plan, "started_at_ms": event.started_at_ms})
        return
    session = rows.one(LIVE_SESSIONS, at.entity)
    if session is None:
        return
    match event:
        case SessionDeleted():
            rows.forget(at.entity)  # first: what is added behind it is all that stays of the session
            _add(rows, at, event, session.gym, "deleted", {})
        case FrameRecorded():
            if event.at_ms - session.last_frame_ms >= FRAME_EVERY_MS:
                session.last_frame_ms = event.at_ms
                rows.put(LIVE_SESSIONS, session)
                _add(rows, at, event, session.gym, "frame", {"device": event.device, "sequence": event.sequence})
        case SetLabelled() | SetCorrected():
            label = event.label
            detail: dict[str, str | int | float | None] = {
                "number": event.number,
                "exercise": label.exercise,
                "repetitions": label.repetitions,
                "weight_kg": label.weight_kg,
                "source": event.source.value,
            }
            _add(rows, at, event, session.gym, "set" if isinstance(event, SetLabelled) else "corrected", detail)
        case SessionEnded():
            _add(rows, at, event, session.gym, "ended", {"how": event.how, "ended_at_ms": event.ended_at_ms})
        case SessionAbandoned():
            _add(rows, at, event, session.gym, "abandoned", {"reason": event.reason})
        case _:
            pass


def _add(
    rows: Rows, at: Origin, event: Event, gym: str, name: str, detail: dict[str, str | int | float | None]
) -> None:
    entry = LiveEntry(at.entity, at.names.tenant, gym, at.shard, at.position, name, event.at_ms, detail)
    rows.append(ENTRIES, ENTRIES.encode(entry))


def row_of(entry: LiveEntry) -> LiveRow:
    """The entry as readers see it."""
    _, person, session = entry.entity.split("/", 2)
    return LiveRow(entry.event, person, session, entry.at_ms, entry.shard, entry.position, dict(entry.detail))


def merged(tails: Iterable[Iterable[LiveEntry]], limit: int) -> list[LiveRow]:
    """Tails of shards by time; cut by `limit`, they are still without holes in every shard."""
    in_order = heapq.merge(*(map(row_of, tail) for tail in tails), key=lambda row: (row.at_ms, row.shard, row.position))
    return [row for _, row in zip(range(limit), in_order, strict=False)]


LIVE_BY_GYM = view(
    "live_by_gym",
    1,
    (ENTRIES, LIVE_SESSIONS),
    (SessionStarted, FrameRecorded, SetLabelled, SetCorrected, SessionEnded, SessionAbandoned, SessionDeleted),
    fold,
    kept_positions=KEPT_POSITIONS,
)
