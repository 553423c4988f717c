"""Where the views stand, for operators."""

from __future__ import annotations

import msgspec
from kinelog.journal.port import Journal
from kinelog.projections.lag import lag_by_shard
from kinelog.projections.rows import ParkedRow
from kinelog.projections.view_store import LIVE, ViewStore

LISTED_FAILURES = 100


class ViewStatus(msgspec.Struct, frozen=True):
    """One generation of a view; `parked` counts the events that wait, those behind a failed one included."""

    view: str
    version: int
    generation: int
    state: str
    parked: int


class ProjectionStatus(msgspec.Struct, frozen=True):
    """All views, the log and how far they are apart.

    Attributes:
        heads: Last position of each shard's log; `as_of`: what the live views show; `lag`: the difference.
        failed: Events that could not be folded, the first 100.
    """

    views: tuple[ViewStatus, ...]
    heads: dict[int, int]
    as_of: dict[int, int]
    lag: dict[int, int]
    failed: tuple[ParkedRow, ...]


def status_of(journal: Journal, store: ViewStore) -> ProjectionStatus:
    """Ask the store and the log. Positions are read before heads, so that a lag is never negative."""
    views: list[ViewStatus] = []
    failed: list[ParkedRow] = []
    as_of: dict[int, int] = {}
    for found in store.generations():
        parked = store.parked(found)
        views.append(ViewStatus(found.view, found.version, found.generation, found.state, len(parked)))
        if found.state == LIVE:
            failed += [row for row in parked if row.error is not None]
            for shard, offset in store.offsets(found).items():
                as_of[shard] = min(as_of.get(shard, offset.position), offset.position)
    heads = {shard: journal.head(shard) for shard in range(journal.shards)}
    lag = lag_by_shard(heads, as_of)
    return ProjectionStatus(tuple(views), heads, as_of, lag, tuple(failed[:LISTED_FAILURES]))
