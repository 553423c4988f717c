"""`rejects_by_device_day`, as it is asked for: frames of a session that were kept aside, in the order of the log."""

from __future__ import annotations

from kinelog.projections.cassandra.layout import Forgetting, Order, QueryTable, Values, Written, columns_of, of_appended
from kinelog.projections.fold import names_of
from kinelog.projections.tables import Columns
from kinelog.projections.views.rejects_by_device_day import REJECTS

NO_OFFSET = -1
"""Stands for an error that no byte is at fault for."""


def _rows(columns: Columns, at: Written) -> tuple[Values]:
    stored = REJECTS.decode(columns)
    offset = NO_OFFSET if stored.offset is None else stored.offset
    return (
        (
            *names_of(at.entity), stored.position, stored.shard, stored.device, stored.sequence, stored.day,
            stored.error, offset, stored.detail, stored.size, stored.at_ms,
        ),
    )  # fmt: skip


REJECTS_BY_SESSION = of_appended(
    REJECTS,
    "rejects_by_session",
    columns=columns_of(
        "tenant text, person text, session text, position bigint, shard int, device text, sequence bigint, day text, "
        "error text, byte_offset bigint, detail text, size bigint, at_ms bigint"
    ),
    partition=("tenant", "person", "session"),
    clustering=(("position", Order.ASC),),
    rows=_rows,
    forgetting=Forgetting.PARTITION,
)
"""`rejects()`."""

REJECT_TABLES: tuple[QueryTable, ...] = (REJECTS_BY_SESSION,)
