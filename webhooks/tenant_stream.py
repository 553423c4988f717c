"""Asking a tenant's own entity, as what runs inside the service does."""

from __future__ import annotations

from kinelog.actors.answers import Accepted, Refused, Unavailable
from kinelog.actors.asking import Asks
from kinelog.actors.errors import MailboxFullError, StoppingError
from kinelog.domain.commands import Command, ReadTenant
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.states import TenantState, Webhook
from kinelog.webhooks.errors import NotNowError, RefusedCommandError


async def ask(region: Asks, tenant: str, command: Command) -> object:
    """The reply to a command that was committed.

    Raises:
        RefusedCommandError: It was refused.
        NotNowError: It cannot be decided now.
    """
    try:
        answer = await region.ask(Person(tenant, TENANT_PERSON), command)
    except (MailboxFullError, StoppingError) as error:
        raise NotNowError(str(error)) from error
    if isinstance(answer, Accepted):
        return answer.reply
    if isinstance(answer, Refused):
        raise RefusedCommandError(answer.rejection.code, answer.rejection.detail)
    if isinstance(answer, Unavailable):
        raise NotNowError(answer.reason)
    # No key was ever made for a tenant of this name.
    raise RefusedCommandError("tenant-unknown", "there is no such tenant")


async def webhook_of(region: Asks, tenant: str, now_ms: int) -> Webhook | None:
    """Who is told about the tenant's publications, read anew.

    Raises:
        NotNowError: It cannot be read now.
    """
    try:
        state = await ask(region, tenant, ReadTenant(at_ms=now_ms))
    except RefusedCommandError:
        return None
    if not isinstance(state, TenantState):
        raise TypeError("ReadTenant answered something else")
    return state.webhook
