"""`live_by_gym`: the tail of each shard's log at a gym, in blocks of as many positions as are kept.

What is kept lies in the newest block and the one before it; older blocks go as whole partitions.
"""

from __future__ import annotations

from kinelog.projections.cassandra.layout import Forgetting, Order, QueryTable, Values, Written, columns_of, of_appended
from kinelog.projections.tables import Columns
from kinelog.projections.views.live_by_gym import ENTRIES, KEPT_POSITIONS

BLOCK_POSITIONS = KEPT_POSITIONS


def _rows(columns: Columns, _: Written) -> tuple[Values]:
    entity, tenant, gym, shard, position, event, at_ms, detail = columns
    # the fold's own record says so; said again, since its columns are stored values of any type
    number = position if isinstance(position, int) else 0
    return ((tenant, gym, shard, number // BLOCK_POSITIONS, number, entity, event, at_ms, detail),)


LIVE_BY_GYM = of_appended(
    ENTRIES,
    "live_by_gym",
    columns=columns_of(
        "tenant text, gym text, shard int, block bigint, position bigint, entity text, event text, at_ms bigint, "
        "detail blob"
    ),
    partition=("tenant", "gym", "shard", "block"),
    clustering=(("position", Order.ASC),),
    rows=_rows,
    forgetting=Forgetting.SEARCH,
    block_positions=BLOCK_POSITIONS,
)
"""`live()`."""

LIVE_TABLES: tuple[QueryTable, ...] = (LIVE_BY_GYM,)
