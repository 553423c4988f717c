"""The query tables: one module a family, and `LAYOUTS`, which says what each table of a fold is shown as.

May not live here: statements, connections, anything but the shape of rows.
"""

from __future__ import annotations

from kinelog.projections.cassandra.layout import QueryTable
from kinelog.projections.cassandra.layouts.gym_days import DAY_TABLES
from kinelog.projections.cassandra.layouts.gym_figures import FIGURE_TABLES
from kinelog.projections.cassandra.layouts.gyms import GYMS_TABLES
from kinelog.projections.cassandra.layouts.labels_by_exercise import LABEL_TABLES
from kinelog.projections.cassandra.layouts.live_by_gym import LIVE_TABLES
from kinelog.projections.cassandra.layouts.people import PEOPLE_TABLES
from kinelog.projections.cassandra.layouts.rejects_by_session import REJECT_TABLES
from kinelog.projections.cassandra.layouts.samples_by_session import SAMPLES_TABLES
from kinelog.projections.cassandra.layouts.sessions_by_id import CARD_TABLES
from kinelog.projections.cassandra.layouts.sets_by_session import SET_TABLES

ALL_TABLES: tuple[QueryTable, ...] = (
    *CARD_TABLES,
    *DAY_TABLES,
    *FIGURE_TABLES,
    *GYMS_TABLES,
    *LABEL_TABLES,
    *LIVE_TABLES,
    *PEOPLE_TABLES,
    *REJECT_TABLES,
    *SAMPLES_TABLES,
    *SET_TABLES,
)


def _by_source() -> dict[str, tuple[QueryTable, ...]]:
    found: dict[str, tuple[QueryTable, ...]] = {}
    for table in ALL_TABLES:
        found[table.source] = (*found.get(table.source, ()), table)
    return found


LAYOUTS: dict[str, tuple[QueryTable, ...]] = _by_source()
"""Query tables by the name of the fold's table that feeds them; a fold's table that nobody reads has none."""
