"""A connection to the cluster that the settings name, for commands that look at it or change its tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.errors import CassandraError, RefusedStatementError, SchemaError, UnreachableError
from kinelog.service.configuration import Settings, cluster_address, credentials_from
from kinelog.service.errors import ConfigurationError, UnavailableServiceError


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """A connection to the cluster; errors inside become those of commands.

    Raises:
        ConfigurationError: The driver is not installed, or the cluster refuses what this user does.
        UnavailableServiceError: The cluster does not answer, or its schema is not the one that is needed.
    """
    try:
        from kinelog.cassandra_session.driver_connection import connect
    except ImportError as error:
        raise ConfigurationError("a Cassandra store needs the driver: pip install 'kinelog[cassandra]'") from error
    address, credentials = cluster_address(settings), credentials_from(settings)
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
