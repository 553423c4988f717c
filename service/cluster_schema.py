"""Bringing a cluster's schema up to date from within another command."""

from __future__ import annotations

from kinelog.cassandra_session.migrations import apply_schema
from kinelog.service.cassandra_store import connected
from kinelog.service.configuration import Settings, cluster_address
from kinelog.service.schemas import SCHEMAS


def apply_schemas(settings: Settings) -> None:
    """Make what is missing, as `kinelog schema apply` does.

    Raises:
        UnavailableServiceError: The cluster does not answer, or does not allow it.
    """
    with connected(settings) as connection:
        apply_schema(connection, SCHEMAS, data_center=cluster_address(settings).data_center)
