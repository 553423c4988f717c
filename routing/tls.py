"""TLS between nodes: both sides show a certificate of the cluster's own authority.

Names in certificates are not compared with addresses: nodes come and go under addresses that nobody knows beforehand,
and who a node is, the handshake inside proves. What the authority of the cluster signed is a node of the cluster.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NamedTuple

from kinelog.routing.errors import SecretError


class ChannelTls(NamedTuple):
    """Contexts for both ends."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def channel_tls(authority: Path, certificate: Path, key: Path) -> ChannelTls:
    """Contexts that let in only what the authority signed.

    Args:
        authority: Certificates (PEM) of the cluster's own authority.
        certificate: This node's (PEM), with what is between it and the authority.
        key: Its private key (PEM), not encrypted.

    Raises:
        SecretError: A file is missing or not what it should be.
    """
    return ChannelTls(
        _context(ssl.PROTOCOL_TLS_SERVER, authority, certificate, key),
        _context(ssl.PROTOCOL_TLS_CLIENT, authority, certificate, key),
    )


def _context(protocol: int, authority: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise SecretError(f"cluster_ca {authority}: {error}") from error
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SecretError(f"cluster_certificate {certificate}, cluster_key {key}: {error}") from error
    return context
