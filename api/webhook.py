"""The tenant's webhook: set, shown without its secret, removed."""

from __future__ import annotations

from aiohttp import web
from kinelog.api.call import Call
from kinelog.api.json_body import json_response
from kinelog.api.model_documents import WebhookDocument
from kinelog.api.problems import ProblemError, ProblemPart
from kinelog.api.requests import WebhookRequest
from kinelog.api.sessions import written
from kinelog.domain.commands import ReadTenant, RemoveWebhook, SetWebhook
from kinelog.domain.identifiers import TENANT_PERSON
from kinelog.domain.states import TenantState, Webhook
from kinelog.webhooks.endpoint import RefusedEndpointError, check_url
from kinelog.webhooks.progress import Progress

_UNSTORED = {"Cache-Control": "no-store"}


async def put_webhook(call: Call) -> web.StreamResponse:
    """Tell this place of what is published from now on; a new place for a webhook keeps what the old was owed."""
    body = await call.body(WebhookRequest)
    services, tenant = call.context.services, call.principal.tenant
    try:
        check_url(body.url, services.endpoint_rules)
    except RefusedEndpointError as error:
        detail = f"This may not be called: {error}."
        raise ProblemError("webhook-invalid", detail, part=ProblemPart(detail, pointer="/url")) from error

    def concealed() -> str:
        return services.keys.sealer(tenant, TENANT_PERSON).conceal(body.secret)

    command = SetWebhook(
        at_ms=call.now_ms, by=call.principal.by, url=body.url,
        concealed_secret=await call.context.blocking(concealed),
    )  # fmt: skip
    try:
        answer = written(await call.ask(call.principal.tenant_person, command), 201)
    finally:
        call.context.authentication.distrust(tenant)
    services.webhook_set(tenant)
    return answer


async def get_webhook(call: Call) -> web.StreamResponse:
    """The webhook, and how telling it goes."""
    reply = (await call.ask(call.principal.tenant_person, ReadTenant(at_ms=call.now_ms, by=call.principal.by))).reply
    if not isinstance(reply, TenantState):
        raise TypeError("ReadTenant answered something else")
    if reply.webhook is None:
        raise ProblemError("webhook-unknown")
    progress = await call.context.blocking(call.context.services.webhook_progress.progress, call.principal.tenant)
    return json_response(_document(reply.webhook, progress), headers=_UNSTORED)


def _document(webhook: Webhook, progress: Progress | None) -> WebhookDocument:
    tried_at_ms = None if progress is None else progress.tried_at_ms
    if progress is None or tried_at_ms is None or tried_at_ms < webhook.set_at_ms:  # told of another place, or nothing
        return WebhookDocument(
            url=webhook.url, set_at_ms=webhook.set_at_ms, delivered=0, failed_attempts=0, last_attempt_at_ms=None,
            last_status=None, last_error=None, next_attempt_at_ms=None,
        )  # fmt: skip
    return WebhookDocument(
        url=webhook.url, set_at_ms=webhook.set_at_ms, delivered=progress.delivered, failed_attempts=progress.attempts,
        last_attempt_at_ms=tried_at_ms, last_status=progress.status, last_error=progress.error or None,
        next_attempt_at_ms=progress.due_at_ms if progress.attempts else None,
    )  # fmt: skip


async def delete_webhook(call: Call) -> web.StreamResponse:
    """Tell nobody any more; what was still owed is forgotten."""
    try:
        command = RemoveWebhook(at_ms=call.now_ms, by=call.principal.by)
        return written(await call.ask(call.principal.tenant_person, command))
    finally:
        call.context.authentication.distrust(call.principal.tenant)
