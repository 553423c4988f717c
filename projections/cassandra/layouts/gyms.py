"""`gyms`: a tenant's gyms in one partition, bounded by `Limits.gyms_per_tenant`."""

from __future__ import annotations

from kinelog.domain.values import Gym
from kinelog.projections.cassandra.layout import Order, QueryTable, Values, columns_of, of_records
from kinelog.projections.cassandra.layouts.packed_record import Packed
from kinelog.projections.views.gyms import GYM_TABLE, StoredGym

DEFINITION = Packed(Gym)


def _rows(stored: StoredGym, _: object) -> tuple[Values]:
    return ((stored.tenant, stored.gym, stored.time_zone, stored.position, DEFINITION.pack(stored.definition)),)


GYMS_OF_TENANT = of_records(
    GYM_TABLE,
    "gyms",
    columns=columns_of("tenant text, gym text, time_zone text, position bigint, definition blob"),
    partition=("tenant",),
    clustering=(("gym", Order.ASC),),
    rows=_rows,
)
"""The zones that local days and hours are reckoned in."""

GYMS_TABLES: tuple[QueryTable, ...] = (GYMS_OF_TENANT,)
