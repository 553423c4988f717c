"""What the operator's pages ask of the rest: the views, names, gyms, who an operator is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from kinelog.api.authorization import Permission
from kinelog.api.page_cookie import PageCookie
from kinelog.domain.values import Gym, Role
from kinelog.projections.read_side import ReadSide


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is looking at the pages.

    Attributes:
        tenant: Whose records they may see.
        token_id: Public name of their token.
    """

    tenant: str
    token_id: str
    role: Role

    @property
    def sees_training(self) -> bool:
        """Whether the role may open sessions at all: the front desk sees who is there, and no more."""
        return self.role in Permission.READ_TRAINING.roles


@dataclass(frozen=True, slots=True)
class PageSources:
    """Where the pages get everything from.

    Attributes:
        read_side: The views; blocking, asked from threads.
        name_of: Name behind `(tenant, pseudonym)`, or None; blocking.
        gyms_of: Gyms of a tenant by id. Raises `web.HTTPServiceUnavailable` when they cannot be told now.
        operator_of: Who bears a token, or None for one that is unknown, revoked, expired or not an operator's.
        sign_in: Issues a token of the pages' own to who bears another.
        signed_in_with: Who signed in, for the bearer of a token of the pages' own and the id of the token that it was
            issued for; None where that one is valid no more.
        sign_out: Revokes a token of the pages' own.
        why_not: Why an operator may not see a person's training (`(operator, pseudonym)`), or None if they may.
        cookie: Seals tokens into cookies.
        clock_ms: Now, Unix milliseconds.
        tracing: Bounds how many traces are computed at once: each may hold tens of megabytes of samples.
    """

    read_side: ReadSide
    name_of: Callable[[str, str], str | None]
    gyms_of: Callable[[str], Awaitable[Mapping[str, Gym]]]
    operator_of: Callable[[str], Awaitable[Operator | None]]
    sign_in: Callable[[Operator], Awaitable[str]]
    signed_in_with: Callable[[Operator, str], Awaitable[Operator | None]]
    sign_out: Callable[[str], Awaitable[None]]
    why_not: Callable[[Operator, str], Awaitable[str | None]]
    cookie: PageCookie
    clock_ms: Callable[[], int]
    tracing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    async def names(self, tenant: str, people: set[str]) -> dict[str, str]:
        """Display names of people; those without a name are called after the start of their pseudonym."""

        def look_up() -> dict[str, str]:
            return {person: self.name_of(tenant, person) or f"unnamed {person[:8]}" for person in people}

        return await asyncio.to_thread(look_up)


SOURCES = web.AppKey("page_sources", PageSources)
OPERATOR = web.RequestKey("page_operator", Operator)
