"""TLS between the nodes of a group, as the settings say."""

from __future__ import annotations

from kinelog.routing.errors import SecretError
from kinelog.routing.tls import ChannelTls, channel_tls
from kinelog.service.configuration import Settings
from kinelog.service.errors import ConfigurationError


def group_tls(settings: Settings) -> ChannelTls | None:
    """Contexts for both ends of the channel; None where it is not encrypted.

    Raises:
        ConfigurationError: A file is missing or not what it should be.
    """
    if settings.cluster_ca is None or settings.cluster_certificate is None or settings.cluster_key is None:
        return None
    try:
        return channel_tls(settings.cluster_ca, settings.cluster_certificate, settings.cluster_key)
    except SecretError as error:
        raise ConfigurationError(str(error)) from error
