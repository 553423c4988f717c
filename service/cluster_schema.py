"""Bringing a cluster's schema up to date from within another command."""

from __future__ import annotations

from contextlib import closing

from kinelog.cassandra_session.driver_connection import connect
from kinelog.cassandra_session.errors import CassandraError
from kinelog.cassandra_session.migrations import apply_schema
from kinelog.service.configuration import Settings, cluster_address, credentials_from
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.schemas import SCHEMAS


def apply_schemas(settings: Settings) -> None:
    """Make what is missing, as `kinelog schema apply` does.

    Raises:
        UnavailableServiceError: The cluster does not answer, or does not allow it.
    """
    address = cluster_address(settings)
    try:
        with closing(connect(address, credentials_from(settings))) as connection:
            apply_schema(connection, SCHEMAS, data_center=address.data_center)
    except CassandraError as error:
        raise UnavailableServiceError(str(error)) from error
