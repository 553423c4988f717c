"""Fixtures over a real server: query tables of a test module, and a gym floor that is asked through them.

A test module imports them by name.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.driver_connection import connect

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.projections.copied_floor import CopiedFloor
from tests.projections.copied_views import CopiedViews, create_keyspace
from tests.projections.written_floor import WrittenFloor


@pytest.fixture(scope="module")
def views_connection(cassandra_node: SharedNode, cassandra_session: CqlSession) -> Iterator[Connection]:
    """A connection with an empty keyspace of views, dropped afterwards."""
    prefix = f"readside_{secrets.token_hex(4)}"
    host, _, port = cassandra_node.contact_point.rpartition(":")
    connection = connect(CassandraAddress((host,), int(port), prefix))
    create_keyspace(connection)
    yield connection
    connection.close()
    cassandra_session.drop_keyspaces(prefix)


@pytest.fixture(scope="module")
def copied_views(views_connection: Connection) -> CopiedViews:
    """Query tables without rows."""
    return CopiedViews(views_connection)


@pytest.fixture
def copied_floor(tmp_path: Path, copied_views: CopiedViews) -> Iterator[CopiedFloor]:
    """A deployment in memory whose views are asked in Cassandra."""
    floor = CopiedFloor(tmp_path, copied_views)
    yield floor
    floor.close()


@pytest.fixture
def written_floor(tmp_path: Path, views_connection: Connection) -> Iterator[WrittenFloor]:
    """A deployment in memory whose views are written to Cassandra by a worker, and asked there."""
    floor = WrittenFloor(tmp_path, views_connection)
    yield floor
    floor.close()
