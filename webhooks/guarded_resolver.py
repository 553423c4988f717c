"""Names become addresses that may be called, or none: judged after the name was looked up for a connection."""

from __future__ import annotations

import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from kinelog.webhooks.endpoint import EndpointRules, RefusedEndpointError, address_of, check_address
from typing_extensions import override


class GuardedResolver(AbstractResolver):
    """Asks another resolver and lets pass what the rules allow."""

    def __init__(self, rules: EndpointRules, resolver: AbstractResolver | None = None) -> None:
        """Guard this resolver, the system's by default."""
        self._rules = rules
        self._resolver = resolver or ThreadedResolver()

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of a name, all of which may be called.

        Raises:
            OSError: There are none, or one may not be called: a name that mixes both is up to something.
        """
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            try:
                check_address(address_of(result["host"]), self._rules)
            except RefusedEndpointError as error:
                raise OSError(f"{host} is {error}") from error
        return found

    @override
    async def close(self) -> None:
        """Close the resolver behind."""
        await self._resolver.close()
