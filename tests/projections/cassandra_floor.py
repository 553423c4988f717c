"""The gym floor over the cluster's store, and everything that stands in its tables."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Connection, Value
from kinelog.projections.cassandra.cassandra_views import CassandraViews
from kinelog.projections.cassandra.registry import Registry
from kinelog.projections.cassandra.schema import VIEWS_SCHEMA
from kinelog.projections.worker import ProjectionWorker

from tests.projections.gym_floor import GymFloor
from tests.projections.timestamped_tables import TimestampedTables

Dump = dict[str, list[tuple[Value, ...]]]


def empty_tables() -> TimestampedTables:
    """A cluster in memory with the views' schema."""
    return TimestampedTables(cql for migration in VIEWS_SCHEMA.migrations for cql in migration.statements)


class Clock:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms

    def sleep(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


def store_over(connection: Connection, floor: GymFloor, clock: Clock | None = None) -> CassandraViews:
    """A store of the floor's log; waiting takes no time."""
    clock = clock or Clock()
    return CassandraViews(connection, floor.journal.shards, now_ms=clock, sleep=clock.sleep)


def worker_over(connection: Connection, floor: GymFloor) -> ProjectionWorker:
    """A worker with a store of its own."""
    return floor.new_worker(store_over(connection, floor))


def dump_tables(tables: TimestampedTables) -> Dump:
    """Every row of every live generation, without its number, and how far each is folded."""
    found: Dump = {}
    for registered in Registry(tables).read().document.generations:
        if registered.state == "live":
            suffix = f"_{registered.generation}"
            for name in registered.tables:
                if name.startswith("blocks_"):  # where rows were once, whosever: nothing but gyms and positions
                    continue
                found[name.removesuffix(suffix)] = tables.rows_of(name)
            for shared in ("offsets", "parked"):
                own = [row for row in tables.rows_of(shared) if registered.view in row and registered.generation in row]
                found[f"{shared} of {registered.view}"] = [
                    tuple(value for value in row if value != registered.view)[1:] for row in own
                ]
    return found
