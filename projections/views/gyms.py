"""`gyms`: places as last defined; their time zones turn times into local days and hours on reading."""

from __future__ import annotations

from kinelog.domain.events import Event, GymSet
from kinelog.domain.values import Gym
from kinelog.projections.fold import Origin, Rows, view
from kinelog.projections.tables import Record, Table


class StoredGym(Record):
    """A gym."""

    tenant: str
    gym: str
    time_zone: str
    definition: Gym
    position: int


GYM_TABLE = Table("gyms", StoredGym, key=("tenant", "gym"))


def fold(rows: Rows, at: Origin, event: Event) -> None:
    """The last definition holds."""
    if isinstance(event, GymSet):
        zone = event.definition.time_zone
        rows.put(GYM_TABLE, StoredGym(at.entity, at.names.tenant, event.gym, zone, event.definition, at.position))


GYMS = view("gyms", 1, (GYM_TABLE,), (GymSet,), fold)
