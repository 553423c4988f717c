"""The keyspaces of a deployment and the tables by which their schema is kept in order."""

from __future__ import annotations

import uuid

from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.migration import KeyspaceRole

# Two appliers that both make the first table of a deployment would each give it a random id, and nodes that learned of
# different ids never agree again. With an id that follows from the name they make the same table.
_VERSIONS = """
CREATE TABLE IF NOT EXISTS {keyspace}.schema_versions (
    keyspace_role text, number int, phase text, description text, fingerprint text, applied_at timestamp,
    PRIMARY KEY ((keyspace_role), number)
) WITH id = {id} AND comment = 'migrations that were applied to the end'
"""
_LOCK = """
CREATE TABLE IF NOT EXISTS {keyspace}.schema_lock (
    name text PRIMARY KEY, owner text, beat bigint
) WITH id = {id} AND comment = 'held by the one that applies migrations; beat counts up while it lives'
"""
_READERS = """
CREATE TABLE IF NOT EXISTS {keyspace}.schema_readers (
    keyspace_role text, process text, version int, beat bigint,
    PRIMARY KEY ((keyspace_role), process)
) WITH id = {id} AND comment = 'running processes and the schema they know; beat counts up while they live'
"""

_KEYSPACE = Statement("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?", Access.READ)
_DATA_CENTER = Statement("SELECT data_center FROM system.local", Access.READ)


def keyspace_of(connection: Connection, role: KeyspaceRole) -> str:
    """Name of a keyspace."""
    name: str = getattr(connection.keyspaces, role)
    return name


def exists(connection: Connection, role: KeyspaceRole) -> bool:
    """Whether a keyspace is there."""
    return bool(connection.ask(_KEYSPACE, (keyspace_of(connection, role),)))


def create(connection: Connection, role: KeyspaceRole, data_center: str | None) -> None:
    """Make a keyspace, if it is not there, and the tables by which its schema is kept in order.

    Whoever lacks the right to make keyspaces can go on with one that an administrator made.

    Args:
        connection: Says how many replicas a new keyspace gets.
        role: Which keyspace.
        data_center: Where they are; None takes the data center of the node that answers.
    """
    keyspace = keyspace_of(connection, role)
    if not exists(connection, role):
        center = (data_center or str(connection.ask(_DATA_CENTER)[0][0])).replace("'", "''")
        replication = f"{{'class': 'NetworkTopologyStrategy', '{center}': {connection.replication:d}}}"
        connection.define(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}")
    tables = [("schema_versions", _VERSIONS)]
    if role == "log":
        tables += [("schema_lock", _LOCK), ("schema_readers", _READERS)]
    connection.define_all([_with_id(keyspace, table, cql) for table, cql in tables])


def _with_id(keyspace: str, table: str, cql: str) -> str:
    table_id = uuid.uuid5(uuid.NAMESPACE_URL, f"kinelog:{keyspace}.{table}")
    return cql.replace("{keyspace}", keyspace).replace("{id}", str(table_id))
