"""A tenant names a URL; nothing that only we can reach is ever reached through it."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st
from kinelog.webhooks.endpoint import EndpointRules, RefusedEndpointError, address_of, check_address, check_url
from kinelog.webhooks.guarded_resolver import GuardedResolver
from typing_extensions import override

STRICT = EndpointRules()
LOOPBACK = EndpointRules(loopback=True)
PRIVATE = EndpointRules(private=True)
ALL = EndpointRules(loopback=True, private=True)


@pytest.mark.parametrize(
    "url",
    ["https://hooks.example.com/kinelog?x=1", "https://8.8.8.8/", "https://[2606:4700::1]:8443/a", "HTTPS://A.B/"],
)
def test_the_public_internet_is_called_by_https(url: str) -> None:
    check_url(url, STRICT)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd", "https://", "https:///path",
        "https://user@example.com/", "https://user:pass@example.com/", "https://example.com/#part", "https://[::1",
        "https://example.com:0/", "https://example.com:99999/", "https://exa mple.com/", "https://example.com/\r\nA: b",
        "https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest", "https://[::1]/",
        "https://[fd00::1]/", "https://[fe80::1%25eth0]/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/",
        "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/", "https://224.0.0.1/",
        "http://localhost:8080/", "gopher://8.8.8.8/", "javascript:alert(1)", "",
    ],
)  # fmt: skip
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(RefusedEndpointError):
        check_url(url, STRICT)


def test_this_machine_is_called_by_http_only_where_that_is_allowed() -> None:
    for url in ("http://localhost:8080/a", "http://127.0.0.1:1/", "http://[::1]:1/", "https://127.0.0.1/"):
        check_url(url, LOOPBACK)
        with pytest.raises(RefusedEndpointError):
            check_url(url, PRIVATE)
    for url in ("http://example.com/", "http://10.0.0.1/", "http://localhost.example.com/"):
        with pytest.raises(RefusedEndpointError):
            check_url(url, ALL)


def test_private_networks_are_called_by_https_only_where_that_is_allowed() -> None:
    for url in ("https://10.1.2.3/", "https://192.168.0.9:8443/", "https://[fd00::1]/"):
        check_url(url, PRIVATE)
        with pytest.raises(RefusedEndpointError):
            check_url(url, LOOPBACK)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::", "240.0.0.1"])  # noqa: S104 - none of them is bound
def test_no_setting_opens_what_is_never_a_tenants_server(address: str) -> None:
    with pytest.raises(RefusedEndpointError):
        check_address(ipaddress.ip_address(address), ALL)


@given(st.ip_addresses(v=4))
def test_an_address_in_the_clothes_of_ipv6_is_judged_as_what_it_reaches(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    dressed = (
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
    )
    assert {_allowed(each) for each in dressed} == {_allowed(address)}


def _allowed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        check_address(address, STRICT)
    except RefusedEndpointError:
        return False
    return True


class MadeResolver(AbstractResolver):
    """Says what a name means."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    @override
    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in self.addresses
        ]

    @override
    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    "addresses", [("127.0.0.1",), ("10.0.0.7",), ("8.8.8.8", "169.254.169.254"), ("fe80::1%eth0",)]
)
async def test_a_name_that_means_something_inside_is_not_connected_to(addresses: tuple[str, ...]) -> None:
    with pytest.raises(OSError, match="public internet"):
        await GuardedResolver(STRICT, MadeResolver(*addresses)).resolve("rebound.example.com", 443)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "017700000001"])
async def test_this_machine_by_any_other_name_is_not_connected_to(host: str) -> None:
    check_url(f"https://{host}/", STRICT)  # a name like others, as far as anybody can tell before it is looked up
    with pytest.raises(OSError):  # noqa: PT011 - not of the public internet, or, on some systems, no name at all
        await GuardedResolver(STRICT).resolve(host, 443)


async def test_a_name_of_the_public_internet_is_connected_to() -> None:
    found = await GuardedResolver(STRICT, MadeResolver("8.8.8.8")).resolve("hooks.example.com", 443)
    assert [result["host"] for result in found] == ["8.8.8.8"]


def test_what_a_resolver_says_must_be_an_address() -> None:
    with pytest.raises(RefusedEndpointError):
        address_of("hooks.example.com")
