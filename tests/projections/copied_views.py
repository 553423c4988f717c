"""Query tables filled by the layouts from what the embedded store holds: the read side's tests need no writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from kinelog.cassandra_session.connection import Access, Connection, Request, Statement, Value
from kinelog.projections.cassandra.layout import QueryTable, Values, Written
from kinelog.projections.cassandra.layouts import ALL_TABLES
from kinelog.projections.cassandra.registry import Document, Registered, Registry
from kinelog.projections.cassandra.schema import VIEWS_SCHEMA
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.views import ALL_VIEWS, VIEWS

VIEW_OF_SOURCE = {table.name: view.name for view in ALL_VIEWS for table in view.tables}

Cell = tuple[str, Values]
Stored = dict[Cell, Values]
"""Rows by table's stored name and key."""


def create(table: QueryTable, generation: int) -> str:
    columns = ", ".join(f"{name} {kind}" for name, kind in table.columns)
    key = ", ".join(("(" + ", ".join(table.partition) + ")", *(name for name, _ in table.clustering)))
    order = ", ".join(f"{name} {order.value}" for name, order in table.clustering)
    clustering = f" WITH CLUSTERING ORDER BY ({order})" if order else ""
    return f"CREATE TABLE {{views}}.{table.stored_name(generation)} ({columns}, PRIMARY KEY ({key})){clustering}"


def create_keyspace(connection: Connection) -> None:
    replication = f"{{'class': 'SimpleStrategy', 'replication_factor': {connection.replication}}}"
    connection.define(f"CREATE KEYSPACE {connection.keyspaces.views} WITH replication = {replication}")
    for migration in VIEWS_SCHEMA.migrations:
        for statement in migration.statements:
            connection.define(statement)


class CopiedViews:
    """One live generation of every view, kept equal to an embedded store by `copy`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.tables: dict[str, QueryTable] = {}
        self.generation = 0
        self._stored: Stored = {}
        self._others: list[Request] = []
        self.begin_generation()

    def begin_generation(self) -> None:
        """Make empty tables and switch readers to them; drop the others."""
        old, self.tables = self.tables, {}
        self.generation += 1
        self._stored = {}
        for table in ALL_TABLES:
            self.connection.define(create(table, self.generation))
            self.tables[table.stored_name(self.generation)] = table
        generations = tuple(
            Registered(view.name, view.version, self.generation, "test", "live", ()) for view in ALL_VIEWS
        )
        Registry(self.connection).change(lambda document: self._with(document, generations))
        for name in old:
            self.connection.define(f"DROP TABLE {{views}}.{name}")

    def _with(self, document: Document, generations: tuple[Registered, ...]) -> Document | None:
        if document.generations == generations:
            return None
        return Document(generations=generations)

    def copy(self, store: SqliteViews) -> None:
        """Make the query tables say what the store says."""
        wanted = dict(self._rows(store))
        gone = [self._delete(cell) for cell in self._stored if cell not in wanted]
        put = [self._insert(cell, row) for cell, row in wanted.items() if self._stored.get(cell) != row]
        self.connection.write_all([[request] for request in (*gone, *put)])
        self._stored = wanted
        self._copy_positions(store)

    def clear(self) -> None:
        """Forget everything."""
        self.connection.write_all([[self._delete(cell)] for cell in self._stored])
        self._stored = {}
        for view in VIEWS:
            for table in ("offsets", "parked"):
                statement = f"DELETE FROM {{views}}.{table} WHERE view_name = ? AND generation = ?"  # noqa: S608  # ours
                self.connection.ask(Statement(statement, Access.WRITE), (view, self.generation))

    def _rows(self, store: SqliteViews) -> Iterator[tuple[Cell, Values]]:
        live = {generation.view: generation.generation for generation in store.generations("live")}
        sources = {table.name: table for view in ALL_VIEWS for table in view.tables}
        for name, table in self.tables.items():
            source = sources[table.source]
            stored = f"{source.name}__{live[VIEW_OF_SOURCE[source.name]]}"
            columns = ", ".join(f'"{column}"' for column in source.columns)
            for found in store.connection.execute(f"SELECT {columns} FROM {stored}"):  # noqa: S608  # names are ours
                at = Written(found[0], 0, 0)
                rows: Iterable[Values]
                if table.of_record is not None:
                    rows = table.of_record(source.decode(found), at)
                else:
                    assert table.of_columns is not None
                    rows = table.of_columns(found, at)
                for row in rows:
                    assert len(row) == len(table.columns)
                    assert None not in row, f"{name}: a null is a tombstone"
                    yield (name, tuple(dict(zip(_names(table), row, strict=True))[key] for key in table.key)), row

    def _copy_positions(self, store: SqliteViews) -> None:
        write = partial(Statement, access=Access.WRITE)
        offsets = write("INSERT INTO {views}.offsets (view_name, generation, shard, position) VALUES (?, ?, ?, ?)")
        parked = write(
            "INSERT INTO {views}.parked (view_name, generation, owner, shard, position, entity, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        for generation in store.generations("live"):
            view = (generation.view, self.generation)
            for shard, offset in store.offsets(generation).items():
                self.connection.ask(offsets, (*view, shard, offset.position))
            for row in store.parked(generation):
                owner = "/".join(row.entity.split("/")[:2])
                values: tuple[Value, ...] = (*view, owner, row.shard, row.position, row.entity, row.error)
                self.connection.ask(parked, values)

    def _insert(self, cell: Cell, row: Values) -> Request:
        names = _names(self.tables[cell[0]])
        marks = ", ".join("?" * len(names))
        cql = f"INSERT INTO {{views}}.{cell[0]} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608  # names are ours
        return Statement(cql, Access.WRITE), row

    def _delete(self, cell: Cell) -> Request:
        where = " AND ".join(f"{name} = ?" for name in self.tables[cell[0]].key)
        return Statement(f"DELETE FROM {{views}}.{cell[0]} WHERE {where}", Access.WRITE), cell[1]  # noqa: S608  # ours


def _names(table: QueryTable) -> list[str]:
    return [name for name, _ in table.columns]
