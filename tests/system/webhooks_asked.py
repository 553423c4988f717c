"""Setting a webhook on a running service, as an owner does, and publishing what it is told of, as the fit does."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.service.configuration import DataFolder

from tests.registry.made_publications import put
from tests.system.running_service import RunningService
from tests.webhooks.receiver import SECRET

ALLOWED = {"KINELOG_WEBHOOK_LOOPBACK": "true"}
"""What a service needs to call a test's receiver."""

SCOPE = Scope("iron-works", "all", ("left-wrist",))


def set_webhook(service: RunningService, token: str, url: str) -> None:
    """Set it; a URL that differs from the last is tried at once."""
    body = json.dumps({"url": url, "secret": SECRET}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{service.url}/v1/webhook", body, headers, method="PUT")  # noqa: S310 - our own URL
    with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - our own URL
        assert answer.status in (200, 201)


def publish(data: Path, seeds: range, after: Published | None) -> Published:
    """Publish models beside the running service, as the fit does."""
    with SqliteModelStore(DataFolder(data).models) as models:
        for seed in seeds:
            after = put(models, SCOPE, seed, after=after)
    assert after is not None
    return after
