"""A tenant's webhook: where its own server is told what was published."""

from __future__ import annotations

import re

import msgspec
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain.decision import Decision
from kinelog.domain.errors import Rejection
from kinelog.domain.replies import Done
from kinelog.domain.states import TenantState, Webhook, same_hash

URL_CHARACTERS = 2_048
# Which hosts may be called is the caller's to judge, who knows the deployment.
_URL = re.compile(r"https?://[^\s/][^\s]*")
# Not the secret itself: callers conceal it under the tenant's key, so that no state and no log line can show it.
_CONCEALED = re.compile(r"[A-Za-z0-9_-]{1,1024}")


def decide_set(stream: str, command: ask.SetWebhook, tenant: TenantState) -> Decision | Rejection:
    """Decide to send what happens to this place from now on."""
    if len(command.url) > URL_CHARACTERS or not _URL.fullmatch(command.url):
        return Rejection("webhook-invalid", f"Expected an https URL of up to {URL_CHARACTERS} characters.", "/url")
    if not _CONCEALED.fullmatch(command.concealed_secret):
        return Rejection("webhook-invalid", "The secret is not acceptable.", "/secret")
    known = tenant.webhook
    if known is not None and known.url == command.url and same_hash(known.concealed_secret, command.concealed_secret):
        return Decision((), Done(changed=False))
    event = did.WebhookSet(
        at_ms=command.at_ms, by=command.by, url=command.url, concealed_secret=command.concealed_secret
    )
    return Decision(((stream, event),), Done())


def decide_remove(stream: str, command: ask.RemoveWebhook, tenant: TenantState) -> Decision | Rejection:
    """Decide to tell nobody any more."""
    if tenant.webhook is None:
        return Decision((), Done(changed=False))
    return Decision(((stream, did.WebhookRemoved(at_ms=command.at_ms, by=command.by)),), Done())


def webhook_set(tenant: TenantState, event: did.WebhookSet) -> TenantState:
    """The tenant after its webhook was set: a new place for the same stream keeps what it was still owed."""
    behind = tenant.publications if tenant.webhook is None else tenant.webhook.behind
    webhook = Webhook(event.url, event.concealed_secret, event.at_ms, behind)
    return msgspec.structs.replace(tenant, webhook=webhook)


def webhook_removed(tenant: TenantState) -> TenantState:
    """The tenant after its webhook was removed."""
    return msgspec.structs.replace(tenant, webhook=None)
