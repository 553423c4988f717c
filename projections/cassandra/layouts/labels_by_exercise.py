"""`labels_by_exercise`: labelled intervals of a tenant by year, in slices, since a tenant may be a chain of gyms.

Only a model's fitting asks, and it asks for years: it reads all slices of all years side by side.
"""

from __future__ import annotations

import zlib

import msgspec
from kinelog.domain.values import SetLabel
from kinelog.projections.cassandra.layout import Order, QueryTable, Values, Written, columns_of, of_records
from kinelog.projections.cassandra.layouts.packed_record import Packed
from kinelog.projections.cassandra.periods import year_of
from kinelog.projections.views.labels_by_exercise import LABELS, StoredLabel

SLICES = 16
"""Partitions a year: a million labels each year make them 20 MB large."""


class Labelled(msgspec.Struct, frozen=True, array_like=True):
    """What an interval was labelled as."""

    label: SetLabel
    confidence: float | None


LABELLED = Packed(Labelled)


def slice_of(entity: str) -> int:
    """Which slice the labels of a session are in."""
    return zlib.crc32(entity.encode()) % SLICES


def _rows(stored: StoredLabel, at: Written) -> tuple[Values]:
    return (
        (
            stored.tenant, year_of(stored.start_ms), slice_of(at.entity), stored.exercise, at.entity, stored.number,
            stored.start_ms, stored.end_ms, stored.source, bool(stored.confirmed), bool(stored.deleted),
            LABELLED.pack(Labelled(stored.label, stored.confidence)),
        ),
    )  # fmt: skip


LABELS_BY_EXERCISE = of_records(
    LABELS,
    "labels_by_exercise",
    columns=columns_of(
        "tenant text, year int, slice int, exercise text, entity text, number bigint, start_ms bigint, end_ms bigint, "
        "source text, confirmed boolean, deleted boolean, labelled blob"
    ),
    partition=("tenant", "year", "slice"),
    clustering=(("exercise", Order.ASC), ("entity", Order.ASC), ("number", Order.ASC)),
    rows=_rows,
)
"""`labels()`."""

LABEL_TABLES: tuple[QueryTable, ...] = (LABELS_BY_EXERCISE,)
