"""Which network a request or connection comes from: what bounds on strangers are counted by."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

ONE_SUBSCRIBER = 64
"""Bits of an IPv6 address that a subscriber does not choose: whoever has one such address has 2^64 of them."""


def network_of(address: str | None) -> str:
    """The IPv4 address, or the first 64 bits of the IPv6 address; what is neither (a socket's file) as it is."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), ONE_SUBSCRIBER), strict=False))
