"""One attempt to deliver: a POST that follows nowhere, waits a bounded time and reads nothing it does not need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from kinelog.webhooks.endpoint import EndpointRules, RefusedEndpointError, check_url
from kinelog.webhooks.guarded_resolver import GuardedResolver

TOTAL_S = 10.0
CONNECT_S = 5.0
HEADER_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        status: HTTP status, or None where there was no answer.
        error: Why it was in vain; empty where it was taken.
    """

    status: int | None
    error: str = ""

    @property
    def taken(self) -> bool:
        """Whether the receiver has it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Transport:
    """Connections to receivers; one for all tenants, none kept open between messages."""

    def __init__(self, rules: EndpointRules, total_s: float = TOTAL_S) -> None:
        """Call what these rules allow; make it on the event loop that uses it."""
        self._rules = rules
        # No cookies, no proxies of the environment, no redirects: a message goes where the tenant said, or nowhere.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=GuardedResolver(rules), force_close=True, limit=64),
            timeout=aiohttp.ClientTimeout(total=total_s, sock_connect=min(CONNECT_S, total_s)),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            auto_decompress=False,
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send a message. Whatever goes wrong at the other end is an outcome and no exception."""
        try:
            check_url(url, self._rules)
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                # The body is not read: what the receiver writes there is nobody's business, and may have no end.
                answer.close()
                return Outcome(answer.status, "" if 200 <= answer.status < 300 else f"answered {answer.status}")
        except RefusedEndpointError as error:
            return Outcome(None, f"may not be called: {error}")
        except TimeoutError:
            return Outcome(None, "did not answer in time")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(None, f"cannot be reached ({type(error).__name__})")

    async def close(self) -> None:
        """Close what is open."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        """Already open."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()
