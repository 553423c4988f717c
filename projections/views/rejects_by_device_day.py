"""`rejects_by_device_day`: what could not be decoded or came under a taken key, and why. Never the bytes themselves."""

from __future__ import annotations

from datetime import UTC, datetime

from kinelog.domain.events import Event, FrameQuarantined, FrameRejected
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.rows import RejectRow
from kinelog.projections.tables import Record, Table


class StoredReject(Record):
    """A frame kept aside; `day` is the UTC day it was received on."""

    tenant: str
    device: str
    day: str
    shard: int
    position: int
    sequence: int
    error: str
    offset: int | None
    detail: str
    size: int
    at_ms: int


REJECTS = Table("rejects_by_device_day", StoredReject, key=("tenant", "device", "day", "shard", "position"))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """One row a frame kept aside."""
    offset: int | None
    match event:
        case FrameRejected():
            error, offset, detail = event.error, event.offset, event.detail
        case FrameQuarantined():
            error, offset, detail = "frame-conflict", None, "another frame is stored under this key; the first stays"
        case _:
            return
    rows.append(
        REJECTS,
        (
            at.entity, at.names.tenant, event.device, _utc_day(event.at_ms), at.shard, at.position, event.sequence,
            error, offset, detail, event.size, event.at_ms,
        ),
    )  # fmt: skip


def row_of(stored: StoredReject) -> RejectRow:
    """The reject as readers see it."""
    return RejectRow(
        session=stored.entity.split("/", 2)[2],
        device=stored.device,
        sequence=stored.sequence,
        day=stored.day,
        error=stored.error,
        offset=stored.offset,
        detail=stored.detail,
        size=stored.size,
        at_ms=stored.at_ms,
    )


def _utc_day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


REJECTS_BY_DEVICE_DAY = view("rejects_by_device_day", 1, (REJECTS,), (FrameRejected, FrameQuarantined), fold)
