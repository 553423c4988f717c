"""Bringing a cluster's schema up to date from within another command."""

from __future__ import annotations

from kinelog.cassandra_session.address import CassandraAddress
from kinelog.cassandra_session.migrations import apply_schema
from kinelog.service.cassandra_store import SCHEMAS, connected
from kinelog.service.configuration import Settings
from kinelog.service.store_address import credentials_of


def apply_schemas(address: CassandraAddress, settings: Settings) -> None:
    """Make what is missing, as `kinelog schema apply` does.

    Raises:
        UnavailableServiceError: The cluster does not answer, or does not allow it.
    """
    with connected(address, credentials_of(settings)) as connection:
        apply_schema(connection, SCHEMAS, data_center=address.data_center)
