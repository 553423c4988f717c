"""What the operator's pages are given of the interface's own: the views, names, gyms, who an operator is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from kinelog.api.authentication import SCHEME
from kinelog.api.committed import ask
from kinelog.api.context import Context
from kinelog.api.page_cookie import PageCookie
from kinelog.api.page_sources import Operator, PageSources
from kinelog.api.page_tokens import PageTokens
from kinelog.api.problems import ProblemError
from kinelog.domain.commands import ReadUser
from kinelog.domain.identifiers import Person
from kinelog.domain.states import UserState
from kinelog.domain.values import Gym, Purpose, Role

_OPERATORS = frozenset({Role.OWNER, Role.TRAINER, Role.FRONT_DESK})


def page_sources(context: Context) -> PageSources:
    """Everything the pages ask."""
    services = context.services
    records = _Records(context)
    return PageSources(
        read_side=services.read_side,
        name_of=services.keys.name,
        gyms_of=records.gyms_of,
        operator_of=records.operator_of,
        sign_in=records.sign_in,
        signed_in_with=records.signed_in_with,
        sign_out=records.sign_out,
        why_not=records.why_not,
        cookie=PageCookie(services.cursor_key, services.clock_ms),
        clock_ms=services.clock_ms,
    )


@dataclass(frozen=True, slots=True)
class _Records:
    """Questions about a tenant's and its people's own records; problems become a page that says `try again`."""

    context: Context

    async def gyms_of(self, tenant: str) -> Mapping[str, Gym]:
        try:
            return (await self.context.authentication.tenant(tenant)).gyms
        except ProblemError as problem:
            raise _unavailable(problem) from problem

    async def operator_of(self, token: str) -> Operator | None:
        now_ms = self.context.services.clock_ms()
        try:
            principal = await self.context.authentication.principal_of(SCHEME + token, now_ms)
        except ProblemError as problem:
            if problem.kind.status == 401:
                return None
            raise _unavailable(problem) from problem
        if principal.role not in _OPERATORS:
            return None
        return Operator(principal.tenant, principal.token_id, principal.role)

    async def sign_in(self, operator: Operator) -> str:
        try:
            return await PageTokens(self.context).issue(operator)
        except ProblemError as problem:
            raise _unavailable(problem) from problem

    async def signed_in_with(self, operator: Operator, token_id: str) -> Operator | None:
        try:
            return await PageTokens(self.context).signed_in_with(operator, token_id)
        except ProblemError as problem:
            raise _unavailable(problem) from problem

    async def sign_out(self, token: str) -> None:
        try:
            await PageTokens(self.context).revoke(token)
        except ProblemError as problem:
            raise _unavailable(problem) from problem

    async def why_not(self, operator: Operator, pseudonym: str) -> str | None:
        if not operator.sees_training:
            return f"The role {operator.role} sees who trains, but no sessions"
        if operator.role is not Role.TRAINER:
            return None
        services = self.context.services
        asked = ReadUser(at_ms=services.clock_ms(), by=f"operator:{operator.token_id}")
        try:
            person, within_s = Person(operator.tenant, pseudonym), services.settings.answer_s
            state = (await ask(services.region, person, asked, within_s)).reply
        except ProblemError as problem:
            if problem.kind.code == "erased":
                return "The person was erased"
            raise _unavailable(problem) from problem
        if isinstance(state, UserState) and Purpose.TRAINER_ACCESS in state.consents:
            return None
        return "The person has not consented to trainers seeing their training"


def _unavailable(problem: ProblemError) -> web.HTTPServiceUnavailable:
    return web.HTTPServiceUnavailable(headers={"Retry-After": str(int(problem.retry_after_s or 1))})
