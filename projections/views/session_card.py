"""What is known about one session: the record behind every list of sessions, and how events change it."""

from __future__ import annotations

import msgspec
from kinelog.codecs.values import BlockSummary
from kinelog.domain.events import (
    Event,
    FrameQuarantined,
    FrameRecorded,
    FrameRejected,
    SessionAbandoned,
    SessionEnded,
    SessionStarted,
    SetCorrected,
    SetLabelled,
)
from kinelog.domain.values import SetLabel
from kinelog.projections import sequence_ranges
from kinelog.projections.exercise_names import groups_in
from kinelog.projections.fold import Origin
from kinelog.projections.rows import GapRow, SessionRow
from kinelog.projections.tables import Record

FULL_BLOCK_TOLERANCE = 0.05
"""A block is full when it lasted within this share of what its samples take at the nominal rate: clocks drift by two or
three percent, and the shortest loss that was ever recorded is thirty."""


class SetShare(msgspec.Struct, array_like=True):
    """What one set adds to its session's row."""

    groups: list[str]
    intensity: float | None
    deleted: bool


class SessionCard(Record):
    """A session. `received`: frame numbers by device; `announced`: frames by device that the phone says it sent."""

    tenant: str
    person: str
    session: str
    status: str
    gym: str | None
    plan: str | None
    started_at_ms: int
    ended_at_ms: int | None
    intended_groups: list[str]
    intended_intensity: float | None
    received: dict[str, list[int]]
    announced: dict[str, int]
    sets: dict[int, SetShare]
    rejected: int
    short_blocks: int
    last_frame_ms: int | None
    shard: int
    version: int


CARD_EVENTS: tuple[type[Event], ...] = (
    SessionStarted, FrameRecorded, FrameRejected, FrameQuarantined, SetLabelled, SetCorrected, SessionEnded,
    SessionAbandoned,
)  # fmt: skip


def new_card(at: Origin, event: SessionStarted) -> SessionCard:
    """The card of a session that just started."""
    tenant, person, session = at.names
    return SessionCard(
        entity=at.entity,
        tenant=tenant,
        person=person,
        session=session,
        status="open",
        gym=event.gym,
        plan=event.plan,
        started_at_ms=event.started_at_ms,
        ended_at_ms=None,
        intended_groups=list(event.groups),
        intended_intensity=event.intensity,
        received={},
        announced={},
        sets={},
        rejected=0,
        short_blocks=0,
        last_frame_ms=None,
        shard=at.shard,
        version=at.position,
    )


def change_card(card: SessionCard, at: Origin, event: Event) -> None:
    """Change a card in place by an event of its session."""
    card.version = at.position
    match event:
        case FrameRecorded():
            sequence_ranges.add(card.received.setdefault(event.device, []), event.sequence)
            card.short_blocks += sum(map(is_short, event.summary.blocks))
            card.last_frame_ms = max(card.last_frame_ms or 0, event.at_ms)
        case FrameRejected() | FrameQuarantined():
            card.rejected += 1
        case SetLabelled():
            card.sets[event.number] = _share(event.label, deleted=False)
        case SetCorrected():
            card.sets[event.number] = _share(event.label, deleted=event.deleted)
        case SessionEnded():
            card.status = "ended"
            card.ended_at_ms = event.ended_at_ms
            card.announced = dict(event.frames)
        case SessionAbandoned():
            card.status = "abandoned"
            card.ended_at_ms = event.last_activity_ms
        case _:
            pass


def is_short(block: BlockSummary) -> bool:
    """Whether a block lasted longer than its samples take: some were lost, nobody knows where in it."""
    if block.duration_ms is None or block.count == 0:
        return False
    return block.count * 1000 < block.duration_ms * block.pace_hz * (1 - FULL_BLOCK_TOLERANCE)


def is_full(block: BlockSummary) -> bool:
    """Whether a block lasted as long as its samples take, give or take the drift of a clock: it can be measured."""
    if block.duration_ms is None or block.count == 0:
        return False
    nominal = block.count * 1000 / block.pace_hz
    return abs(block.duration_ms - nominal) <= nominal * FULL_BLOCK_TOLERANCE


def row_of(card: SessionCard) -> SessionRow:
    """The card as readers see it."""
    shares = [share for _, share in sorted(card.sets.items()) if not share.deleted]
    groups = dict.fromkeys(card.intended_groups)
    for share in shares:
        groups.update(dict.fromkeys(share.groups))
    known = [share.intensity for share in shares if share.intensity is not None]
    return SessionRow(
        tenant=card.tenant,
        person=card.person,
        session=card.session,
        status=card.status,
        gym=card.gym,
        plan=card.plan,
        started_at_ms=card.started_at_ms,
        ended_at_ms=card.ended_at_ms,
        frames={device: sequence_ranges.size(ranges) for device, ranges in sorted(card.received.items())},
        gaps=tuple(_gaps(card)),
        rejected=card.rejected,
        sets=len(shares),
        groups=tuple(groups),
        intensity=sum(known) / len(known) if known else card.intended_intensity,
        last_frame_ms=card.last_frame_ms,
        shard=card.shard,
        version=card.version,
        short_blocks=card.short_blocks,
    )


def _share(label: SetLabel, *, deleted: bool) -> SetShare:
    return SetShare(groups_in(label.exercise), label.intensity, deleted)


def _gaps(card: SessionCard) -> list[GapRow]:
    return [
        GapRow(device, first, last)
        for device in sorted(card.received.keys() | card.announced.keys())
        for first, last in sequence_ranges.missing(card.received.get(device, []), card.announced.get(device, 0))
    ]
