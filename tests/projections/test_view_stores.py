"""The contract of the views' stores: the file, tables in memory that decide as a cluster does, and a real cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.driver_connection import connect
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.view_store import ViewStore
from typing_extensions import override

from tests.cassandra.shared_node import SharedNode
from tests.projections.cassandra_floor import dump_cluster, dump_tables, empty_tables, store_over
from tests.projections.copied_views import create_keyspace
from tests.projections.gym_floor import GymFloor, dump
from tests.projections.timestamped_tables import TimestampedTables
from tests.projections.view_store_contract import Dump, Stores, ViewStoreContract


class SqliteStores(Stores):
    def __init__(self, floor: GymFloor) -> None:
        self.path = floor.folder / "contract" / "views.db"
        self.opened: list[SqliteViews] = []

    @override
    def open(self) -> SqliteViews:
        self.opened.append(SqliteViews(self.path))
        return self.opened[-1]

    @override
    def dump(self, state: str) -> Dump:
        store = self.open()
        return dump(store, state)

    def close(self) -> None:
        for store in self.opened:
            store.close()


class ModelStores(Stores):
    def __init__(self, floor: GymFloor) -> None:
        self.floor = floor
        self.tables: TimestampedTables = empty_tables()

    @override
    def open(self) -> ViewStore:
        return store_over(self.tables, self.floor)

    @override
    def dump(self, state: str) -> Dump:
        return dump_tables(self.tables, state)


class ClusterStores(Stores):
    def __init__(self, floor: GymFloor, connection: Connection) -> None:
        self.floor = floor
        self.connection = connection

    @override
    def open(self) -> ViewStore:
        return store_over(self.connection, self.floor)

    @override
    def dump(self, state: str) -> Dump:
        return dump_cluster(self.connection, state)


class TestSqliteViews(ViewStoreContract):
    locking = SqliteViews

    @pytest.fixture
    def stores(self, floor: GymFloor) -> Iterator[Stores]:
        made = SqliteStores(floor)
        yield made
        made.close()


class TestTimestampedTables(ViewStoreContract):
    @pytest.fixture
    def stores(self, floor: GymFloor) -> Stores:
        return ModelStores(floor)


@pytest.mark.cassandra
class TestCassandraViews(ViewStoreContract):
    @pytest.fixture
    def stores(self, floor: GymFloor, cassandra_node: SharedNode, keyspace_prefix: str) -> Iterator[Stores]:
        host, _, port = cassandra_node.contact_point.rpartition(":")
        connection = connect(CassandraAddress((host,), int(port), keyspace_prefix))
        create_keyspace(connection)
        yield ClusterStores(floor, connection)
        connection.close()
