"""The gym floor over the cluster's store, and everything that stands in its tables."""

from __future__ import annotations

from collections.abc import Callable

from kinelog.cassandra_session.connection import Access, Connection, Statement, Value
from kinelog.projections.cassandra.cassandra_views import CassandraViews
from kinelog.projections.cassandra.generations import Clocks
from kinelog.projections.cassandra.registry import Registry
from kinelog.projections.cassandra.schema import VIEWS_SCHEMA
from kinelog.projections.worker import ProjectionWorker

from tests.projections.gym_floor import GymFloor
from tests.projections.timestamped_tables import TimestampedTables

Dump = dict[str, list[tuple[object, ...]]]


def empty_tables() -> TimestampedTables:
    """A cluster in memory with the views' schema."""
    return TimestampedTables(cql for migration in VIEWS_SCHEMA.migrations for cql in migration.statements)


class Clock:
    """A clock that moves when somebody looks at it or waits."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def elapsed_s(self) -> float:
        self.now_ms += 300
        return self.now_ms / 1000

    def sleep(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


def store_over(connection: Connection, floor: GymFloor, clock: Clock | None = None) -> CassandraViews:
    """A store of the floor's log; waiting takes no time."""
    clock = clock or Clock()
    clocks = Clocks(lambda: clock.now_ms, clock.elapsed_s, clock.sleep)
    return CassandraViews(connection, floor.journal.shards, clocks=clocks)


def worker_over(connection: Connection, floor: GymFloor) -> ProjectionWorker:
    """A worker with a store of its own."""
    return floor.new_worker(store_over(connection, floor))


def dump_tables(tables: TimestampedTables, state: str = "live") -> Dump:
    """Every row of every generation in a state, without its number, and how far each is folded."""

    def rows_of(table: str) -> list[tuple[Value, ...]]:
        return tables.rows_of(table)

    return dump_rows(tables, rows_of, state)


def dump_cluster(connection: Connection, state: str) -> Dump:
    """As `dump_tables`, of a real cluster."""

    def rows_of(table: str) -> list[tuple[Value, ...]]:
        return connection.ask(Statement(f"SELECT * FROM {{views}}.{table}", Access.READ))  # noqa: S608  # our names

    return dump_rows(connection, rows_of, state)


def dump_rows(connection: Connection, rows_of: Callable[[str], list[tuple[Value, ...]]], state: str) -> Dump:
    found: Dump = {}
    for registered in Registry(connection).read().document.generations:
        if registered.state == state:
            suffix = f"_{registered.generation}"
            for name in registered.tables:
                if not name.startswith("blocks_"):  # where rows were once, whosever: only gyms and positions
                    found[name.removesuffix(suffix)] = sorted(rows_of(name), key=repr)
            for shared in ("offsets", "parked"):
                own = [row for row in rows_of(shared) if row[:2] == (registered.view, registered.generation)]
                found[f"{shared} of {registered.view}"] = sorted((row[2:] for row in own), key=repr)
    return found
