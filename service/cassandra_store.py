"""The Cassandra store of a deployment as commands meet it: connecting, and the schemas of its three keyspaces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.cassandra_session.address import CassandraAddress, Credentials
from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.errors import CassandraError, RefusedStatementError, SchemaError, UnreachableError
from kinelog.cassandra_session.migrations import require_schema
from kinelog.journal.cassandra.schema import LOG_SCHEMA
from kinelog.privacy.cassandra_schema import KEYS_SCHEMA
from kinelog.projections.cassandra.schema import VIEWS_SCHEMA
from kinelog.service.errors import ConfigurationError, UnavailableServiceError

SCHEMAS = (LOG_SCHEMA, KEYS_SCHEMA, VIEWS_SCHEMA)


@contextmanager
def connected(address: CassandraAddress, credentials: Credentials) -> Iterator[Connection]:
    """A connection to the cluster; errors inside become those of commands.

    Raises:
        ConfigurationError: The driver is not installed, or the cluster refuses what this user does.
        UnavailableServiceError: The cluster does not answer, or its schema is not the one that is needed.
    """
    try:
        from kinelog.cassandra_session.driver_connection import connect
    except ImportError as error:
        raise ConfigurationError("a Cassandra store needs the driver: pip install 'kinelog[cassandra]'") from error
    try:
        connection = connect(address, credentials)
        try:
            yield connection
        finally:
            connection.close()
    except SchemaError as error:
        raise UnavailableServiceError(str(error)) from error
    except RefusedStatementError as error:
        raise ConfigurationError(f"{address} refuses: {error}") from error
    except UnreachableError as error:
        raise UnavailableServiceError(f"the cluster does not answer: {error}") from error
    except CassandraError as error:
        raise UnavailableServiceError(f"{address}: {error}") from error


def require_schemas(connection: Connection) -> None:
    """Refuse to start on a schema that is not the one that this program needs.

    Raises:
        SchemaError: The message says what to do.
    """
    require_schema(connection, SCHEMAS)
