"""Keyspaces of a test's own on a real server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from kinelog.cassandra_session.address import CassandraAddress, Credentials
from kinelog.cassandra_session.driver_connection import DriverConnection, connect
from kinelog.cassandra_session.keyspaces import exists
from kinelog.cassandra_session.migration import KeyspaceRole, KeyspaceSchema
from kinelog.cassandra_session.migrations import apply_schema

from cassandra_server.configuration import Address

ROLES: tuple[KeyspaceRole, ...] = ("log", "keys", "views", "models")


def address_of(node: Address, prefix: str, replication: int = 1, user: str | None = None) -> CassandraAddress:
    """Address of a deployment on this node."""
    return CassandraAddress((node.host,), node.port, prefix, user, "datacenter1", replication)


@contextmanager
def deployment(
    address: CassandraAddress, schemas: Iterable[KeyspaceSchema], credentials: Credentials | None = None
) -> Iterator[DriverConnection]:
    """A connection to keyspaces that are made with these schemas, and dropped afterwards."""
    connection = connect(address, credentials)
    try:
        apply_schema(connection, schemas, data_center=address.data_center)
        yield connection
        drop_keyspaces(connection)
    finally:
        connection.close()


def drop_keyspaces(connection: DriverConnection) -> None:
    """Drop all four, where they are there."""
    for role in ROLES:
        if exists(connection, role):
            connection.define(f"DROP KEYSPACE {{{role}}}")
