"""Refuses to publish for a tenant that nobody has created: no phone would ever ask for its models."""

from __future__ import annotations

from kinelog.privacy.enrolled_tenants import enrolled_in_cluster, enrolled_in_folder
from kinelog.privacy.errors import PrivacyError
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings
from kinelog.service.errors import RefusedError, UnavailableServiceError


def require_tenant(folder: DataFolder, settings: Settings, tenant: str) -> None:
    """Refuse a tenant that was not created in the store that the settings name. Needs no master key, writes nothing.

    Raises:
        RefusedError: Nobody created it.
        UnavailableServiceError: The keys do not answer.
    """
    try:
        known = _is_known(folder, settings, tenant)
    except PrivacyError as error:
        raise UnavailableServiceError(str(error)) from error
    if not known:
        where = str(folder.root) if settings.store == EMBEDDED else settings.store
        message = f"tenant: {where} has no tenant {tenant}: look at its spelling, or `kinelog tenant create {tenant}`"
        raise RefusedError(message)


def _is_known(folder: DataFolder, settings: Settings, tenant: str) -> bool:
    if settings.store == EMBEDDED:
        return enrolled_in_folder(folder.keys, tenant)
    from kinelog.service.cassandra_store import connected

    with connected(settings) as connection:
        return enrolled_in_cluster(connection, tenant)
