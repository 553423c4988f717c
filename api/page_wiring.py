"""What the operator's pages are given of the interface's own: the views, names, gyms, who an operator is."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from kinelog.api.authentication import SCHEME
from kinelog.api.context import Context
from kinelog.api.page_cookie import PageCookie
from kinelog.api.page_sources import Operator, PageSources
from kinelog.api.problems import ProblemError
from kinelog.domain.values import Gym, Role

_OPERATORS = frozenset({Role.OWNER, Role.TRAINER, Role.FRONT_DESK})


def page_sources(context: Context) -> PageSources:
    """Everything the pages ask."""
    services = context.services

    async def gyms_of(tenant: str) -> Mapping[str, Gym]:
        try:
            return (await context.authentication.tenant(tenant)).gyms
        except ProblemError as problem:
            raise _unavailable(problem) from problem

    async def operator_of(token: str) -> Operator | None:
        try:
            principal = await context.authentication.principal_of(SCHEME + token, services.clock_ms())
        except ProblemError as problem:
            if problem.kind.status == 401:
                return None
            raise _unavailable(problem) from problem
        if principal.role not in _OPERATORS:
            return None
        return Operator(principal.tenant, principal.token_id, principal.role)

    return PageSources(
        read_side=services.read_side,
        name_of=services.keys.name,
        gyms_of=gyms_of,
        operator_of=operator_of,
        cookie=PageCookie(services.cursor_key, services.clock_ms),
        clock_ms=services.clock_ms,
    )


def _unavailable(problem: ProblemError) -> web.HTTPServiceUnavailable:
    return web.HTTPServiceUnavailable(headers={"Retry-After": str(int(problem.retry_after_s or 1))})
