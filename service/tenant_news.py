"""The region of this process, as it tells who sends webhooks that a tenant has news.

An announcement may be asked for on any node, and a webhook set on any other. Both go through the owner of the tenant's
shard, and that is the node that sends to the tenant.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kinelog.actors.answers import Accepted, Answer
from kinelog.actors.asyncio_bridge import Awaited
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
    def ask_for(self, awaited: Awaited, person: Person, command: Command) -> None:
        """Have a command decided."""
        if isinstance(command, _NEWS):
            awaited = _Told(awaited, partial(self._told, person.tenant))
        self._region.ask_for(awaited, person, command)

    @override
    def ready(self) -> bool:
        """As the region."""
        return self._region.ready()


class _Told(Awaited):
    """Whoever waits for an answer, and who is to hear that it was yes."""

    def __init__(self, awaited: Awaited, tell: Callable[[], None]) -> None:
        self._awaited = awaited
        self._tell = tell

    @override
    def done(self) -> bool:
        return self._awaited.done()

    @override
    def set_result(self, answer: Answer, /) -> None:
        self._awaited.set_result(answer)
        if isinstance(answer, Accepted):
            self._tell()
