"""The region of this process, as it tells who sends webhooks that a tenant has news.

An announcement may be asked for on any node, and a webhook set on any other. Both go through the owner of the tenant's
shard, and that is the node that sends to the tenant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from kinelog.actors.answers import Accepted, Answer
from kinelog.domain.commands import AnnounceModel, Command, SetWebhook
from kinelog.domain.identifiers import Person
from kinelog.routing.own_node import OwnRegion
from typing_extensions import override

_NEWS = (AnnounceModel, SetWebhook)


class TenantNews(OwnRegion):
    """Passes everything on, and says of which tenant something was stored that it is to be told."""

    def __init__(self, region: OwnRegion, told: Callable[[str], None]) -> None:
        """Watch what this region decides; `told` is called with tenants, on the event loop that asked."""
        self._region = region
        self._told = told

    @override
    def asked(self, person: Person, command: Command) -> asyncio.Future[Answer]:
        """Have a command decided."""
        answer = self._region.asked(person, command)
        if isinstance(command, _NEWS):
            answer.add_done_callback(partial(self._answered, person.tenant))
        return answer

    @override
    def ready(self) -> bool:
        """As the region."""
        return self._region.ready()

    def _answered(self, tenant: str, answer: asyncio.Future[Answer]) -> None:
        if not answer.cancelled() and answer.exception() is None and isinstance(answer.result(), Accepted):
            self._told(tenant)
