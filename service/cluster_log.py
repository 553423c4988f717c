"""A cluster's log for who reads it whole, without owning anything of it."""

from __future__ import annotations

from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.migrations import require_schema
from kinelog.journal.cassandra.entity_events import EntityEvents
from kinelog.journal.cassandra.journal import CassandraLog
from kinelog.journal.cassandra.log_identity import identify
from kinelog.journal.cassandra.schema import LOG_SCHEMA


def open_log(connection: Connection, shards: int | None) -> tuple[CassandraLog, EntityEvents]:
    """The log and its index of entities.

    Raises:
        SchemaError: The schema is another.
        IncompatibleStoreError: The log has another number of shards.
        UnavailableError: The cluster does not answer.
    """
    require_schema(connection, (LOG_SCHEMA,))
    identity = identify(connection, shards)
    return CassandraLog(connection, identity), EntityEvents(connection, identity.incarnation)
