"""`samples_by_session`: the sensor data of a session in parts of ten minutes, which parts there are, and the clocks.

Parts are not bounded by a range of years, and need not be: which of them there are is written down.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from kinelog.projections.cassandra.layout import (
    Forgetting,
    Order,
    QueryTable,
    Values,
    Written,
    columns_of,
    of_appended,
    of_records,
)
from kinelog.projections.cassandra.layouts.packed_record import Packed
from kinelog.projections.fold import names_of
from kinelog.projections.tables import Columns
from kinelog.projections.views.sample_clock import Run
from kinelog.projections.views.samples_by_session import CLOCKS, SAMPLES, StoredClock

PART_MS = 600_000
"""Time that one partition covers: about 2 MB of one watch at 100 Hz."""

NO_DURATION = -1
"""Stands for a block that does not say how long it lasted."""

RUNS = Packed(list[Run])

_SESSION = columns_of("tenant text, person text, session text")
_START_MS = SAMPLES.columns.index("start_ms")
_DURATION_MS = SAMPLES.columns.index("duration_ms")
_block_count = itemgetter(SAMPLES.columns.index("block_count"))


def part_of(start_ms: int) -> int:
    """Which part samples are in that start then."""
    return start_ms // PART_MS


def _start_ms(columns: Columns) -> int:
    start_ms = columns[_START_MS]
    if not isinstance(start_ms, int):
        raise TypeError("samples.start_ms is not a number")
    return start_ms


def _samples(columns: Columns, at: Written) -> Iterable[Values]:
    duration_ms = columns[_DURATION_MS]
    yield (
        *names_of(at.entity), part_of(_start_ms(columns)), *columns[1:_DURATION_MS],
        NO_DURATION if duration_ms is None else duration_ms, *columns[_DURATION_MS + 1 :],
    )  # fmt: skip


def _parts(columns: Columns, at: Written) -> Iterable[Values]:
    if _block_count(columns):  # the rows behind the first of a block start with it
        yield (*names_of(at.entity), part_of(_start_ms(columns)))


def _clock(clock: StoredClock, at: Written) -> Iterable[Values]:
    yield (
        *names_of(at.entity), clock.device, clock.kind, clock.location, clock.rate_hz, clock.resolution_ms,
        clock.full_samples, clock.full_ms, clock.longest_ms, RUNS.pack(clock.runs),
    )  # fmt: skip


SAMPLES_BY_SESSION = of_appended(
    SAMPLES,
    "samples_by_session",
    columns=_SESSION
    + columns_of(
        "ten_minutes bigint, start_ms bigint, device text, sequence bigint, part bigint, kind text, location text, "
        "format text, rate_hz bigint, first_sample bigint, count bigint, block_count bigint, duration_ms bigint, "
        "samples blob"
    ),
    partition=("tenant", "person", "session", "ten_minutes"),
    clustering=tuple((name, Order.ASC) for name in ("start_ms", "device", "sequence", "part")),
    rows=_samples,
    forgetting=Forgetting.PARTITION,
)
"""`samples()`: slices of the parts that an interval touches."""

SAMPLE_PARTS = of_appended(
    SAMPLES,
    "sample_parts",
    columns=_SESSION + columns_of("ten_minutes bigint"),
    partition=("tenant", "person", "session"),
    clustering=(("ten_minutes", Order.ASC),),
    rows=_parts,
    forgetting=Forgetting.PARTITION,
)
"""Parts that a session has samples in."""

CLOCKS_BY_SESSION = of_records(
    CLOCKS,
    "clocks_by_session",
    columns=_SESSION
    + columns_of(
        "device text, kind text, location text, rate_hz bigint, resolution_ms bigint, full_samples bigint, full_ms "
        "bigint, longest_ms bigint, runs blob"
    ),
    partition=("tenant", "person", "session"),
    clustering=tuple((name, Order.ASC) for name in ("device", "kind", "location", "rate_hz")),
    rows=_clock,
    forgetting=Forgetting.PARTITION,
)
"""What the sensors of a session were measured at."""

SAMPLES_TABLES: tuple[QueryTable, ...] = (SAMPLES_BY_SESSION, SAMPLE_PARTS, CLOCKS_BY_SESSION)
