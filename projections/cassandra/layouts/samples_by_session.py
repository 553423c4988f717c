"""`samples_by_session`: the sensor data of a session in parts of ten minutes, and which parts there are."""

from __future__ import annotations

from collections.abc import Iterable

from kinelog.projections.cassandra.layout import Forgetting, Order, QueryTable, Values, Written, of_appended
from kinelog.projections.fold import names_of
from kinelog.projections.tables import Columns
from kinelog.projections.views.samples_by_session import SAMPLES

PART_MS = 600_000
"""Time that one partition covers: about 2 MB of one watch at 100 Hz."""

NO_DURATION = -1
"""Stands for a block that does not say how long it lasted."""

_START_MS = SAMPLES.columns.index("start_ms")
_DURATION_MS = SAMPLES.columns.index("duration_ms")


def rows_of(columns: Columns, at: Written) -> Iterable[Values]:
    """One row about a second of one sensor."""
    start_ms = columns[_START_MS]
    assert isinstance(start_ms, int)  # what the fold's record says
    duration_ms = columns[_DURATION_MS]
    yield (
        *names_of(at.entity), start_ms // PART_MS, *columns[1:_DURATION_MS],
        NO_DURATION if duration_ms is None else duration_ms, *columns[_DURATION_MS + 1 :],
    )  # fmt: skip


SAMPLES_BY_SESSION: QueryTable = of_appended(
    SAMPLES,
    "samples_by_session",
    columns=(
        ("tenant", "text"),
        ("person", "text"),
        ("session", "text"),
        ("ten_minutes", "bigint"),
        ("start_ms", "bigint"),
        ("device", "text"),
        ("sequence", "bigint"),
        ("part", "int"),
        ("kind", "text"),
        ("location", "text"),
        ("format", "text"),
        ("rate_hz", "int"),
        ("first_sample", "int"),
        ("count", "int"),
        ("block_count", "int"),
        ("duration_ms", "bigint"),
        ("samples", "blob"),
    ),  # fmt: skip
    partition=("tenant", "person", "session", "ten_minutes"),
    clustering=tuple((name, Order.ASC) for name in ("start_ms", "device", "sequence", "part")),
    rows=rows_of,
    forgetting=Forgetting.PARTITION,
)

SAMPLES_TABLES: tuple[QueryTable, ...] = (SAMPLES_BY_SESSION,)
