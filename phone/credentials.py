"""The tokens a phone holds, and when it asks for new ones."""

from __future__ import annotations

import asyncio

import msgspec
from kinelog.phone.answers import DeviceTokens, read
from kinelog.phone.problems import NotAllowedError
from kinelog.phone.transport import Answer, Request, Transport


class Credentials:
    """A device's token, refreshed once it is no longer accepted.

    Several requests may find the token expired at the same time; only the first refreshes it, because a refresh token
    works once and its second use revokes the device.
    """

    def __init__(self, transport: Transport, tokens: DeviceTokens) -> None:
        """Take the tokens as the pairing gave them."""
        self._transport = transport
        self._tokens = tokens
        self._refreshing = asyncio.Lock()

    async def exchange(self, request: Request) -> Answer:
        """Send a request with the device's token; refresh the token and send again if it is not accepted.

        Raises:
            RefusedError, ServiceUnavailableError: As `Transport.exchange`.
        """
        token = self._tokens.token
        try:
            return await self._transport.exchange(msgspec.structs.replace(request, token=token))
        except NotAllowedError as refused:
            if refused.status != 401 or self._tokens.refresh_token is None:
                raise
        await self._refresh(token)
        return await self._transport.exchange(msgspec.structs.replace(request, token=self._tokens.token))

    async def _refresh(self, refused_token: str) -> None:
        async with self._refreshing:
            if self._tokens.token != refused_token:
                return
            body = msgspec.json.encode({"refresh_token": self._tokens.refresh_token})
            request = Request("POST", "/v1/tokens:refresh", body=body, repeatable=False)
            self._tokens = read(await self._transport.exchange(request), DeviceTokens)
