"""`sets_by_session`: the sets of a session, bounded by `Limits.sets_per_session`."""

from __future__ import annotations

import msgspec
from kinelog.domain.values import SetLabel
from kinelog.projections.cassandra.layout import Forgetting, Order, QueryTable, Values, Written, columns_of, of_records
from kinelog.projections.cassandra.layouts.packed_record import Packed
from kinelog.projections.fold import names_of
from kinelog.projections.views.sets_by_session import SETS, StoredSet


class Said(msgspec.Struct, frozen=True, array_like=True):
    """What was said of a set."""

    detected: SetLabel
    corrected: SetLabel | None
    corrected_by: str | None
    confidence: float | None


SAID = Packed(Said)


def _rows(stored: StoredSet, at: Written) -> tuple[Values]:
    said = Said(stored.detected, stored.corrected, stored.corrected_by, stored.confidence)
    return (
        (
            *names_of(at.entity), stored.number, stored.version, stored.start_ms, stored.end_ms, stored.source,
            bool(stored.deleted), SAID.pack(said),
        ),
    )  # fmt: skip


SETS_BY_SESSION = of_records(
    SETS,
    "sets_by_session",
    columns=columns_of(
        "tenant text, person text, session text, number bigint, version bigint, start_ms bigint, end_ms bigint, "
        "source text, deleted boolean, said blob"
    ),
    partition=("tenant", "person", "session"),
    clustering=(("number", Order.ASC),),
    rows=_rows,
    forgetting=Forgetting.PARTITION,
)
"""`sets()`."""

SET_TABLES: tuple[QueryTable, ...] = (SETS_BY_SESSION,)
