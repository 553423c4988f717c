"""Which places may be called: a tenant names a URL, and must not reach through us what only we can reach.

A name is judged when it is resolved for a connection (`guarded_resolver.py`), not here: it may mean another address by
then. What stands in the URL itself is judged when it is set, and again before every attempt.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Addresses of IPv6 that carry one of IPv4, which then is the one that is reached.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOOPBACK_NAMES = {"localhost", "ip6-localhost"}


class RefusedEndpointError(ValueError):
    """The place may not be called; the message says why."""


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """What a deployment allows.

    Attributes:
        loopback: This machine itself, by http too: for development.
        private: Addresses of private networks, by https.
    """

    loopback: bool = False
    private: bool = False


def check_url(url: str, rules: EndpointRules) -> None:
    """Refuse a URL that may not be called.

    Raises:
        RefusedEndpointError: It may not.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise RefusedEndpointError("not a URL") from error
    if not host or any(character.isspace() or not character.isprintable() for character in url):
        raise RefusedEndpointError("not a URL with a host")
    if parts.username is not None or parts.password is not None:
        raise RefusedEndpointError("a URL with a user or password in it")
    if parts.fragment:
        raise RefusedEndpointError("a URL with a fragment")
    if port == 0:
        raise RefusedEndpointError("port 0")
    literal = _literal(host)
    if parts.scheme != "https":
        here = host.lower() in _LOOPBACK_NAMES or (literal is not None and _reached(literal).is_loopback)
        if parts.scheme != "http" or not (rules.loopback and here):
            raise RefusedEndpointError("https only")
    if literal is not None:
        check_address(literal, rules)


def check_address(address: Address, rules: EndpointRules) -> None:
    """Refuse an address that may not be called.

    Raises:
        RefusedEndpointError: It may not.
    """
    reached = _reached(address)
    if reached.is_loopback:
        allowed = rules.loopback
    elif reached.is_multicast or reached.is_unspecified or reached.is_link_local or reached.is_reserved:
        allowed = False  # link-local holds the metadata services of clouds: no setting opens it
    elif reached.is_global:
        allowed = True
    else:
        allowed = rules.private
    if not allowed:
        raise RefusedEndpointError("an address that is not of the public internet")


def address_of(text: str) -> Address:
    """An address as a resolver writes it, without the name of an interface.

    Raises:
        RefusedEndpointError: Not an address.
    """
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError as error:
        raise RefusedEndpointError("not an address") from error


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _reached(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
