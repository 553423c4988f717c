"""The composition root: makes the parts of a process and ties them together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from kinelog.actors.region import Region, wall_clock_ms
from kinelog.actors.settings import RegionSettings, ShardSettings
from kinelog.api.services import Services
from kinelog.api.settings import ApiSettings
from kinelog.api.unerased_views import UnerasedViews
from kinelog.registry.errors import RegistryError
from kinelog.registry.store import ModelStore
from kinelog.service.configuration import Settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.opened_data import OpenedData
from kinelog.webhooks.endpoint import EndpointRules
from kinelog.webhooks.errors import WebhooksError
from kinelog.webhooks.progress_store import ProgressStore
from kinelog.webhooks.telling import Telling, TellingParts


def make_region(opened: OpenedData, settings: Settings) -> Region:
    """The shards of this process, not started."""
    return Region(
        opened.journal,
        opened.keys,
        opened.codec,
        settings.limits,
        RegionSettings(
            mailbox_commands=settings.mailbox,
            shard=ShardSettings(
                resident_entities=max(1, settings.resident // opened.journal.shards),
                idle_ms=int(settings.idle_s * 1000),
                recoveries=settings.recoveries,
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class Publications:
    """What a process has of published models: their store, how far they were told, and what tells them."""

    models: ModelStore
    progress: ProgressStore
    telling: Telling
    rules: EndpointRules


@contextmanager
def opened_publications(opened: OpenedData, region: Region, settings: Settings) -> Iterator[Publications]:
    """Both stores, and what announces and sends over them, not started.

    Raises:
        UnavailableServiceError: A store cannot be opened.
    """
    rules = EndpointRules(loopback=settings.webhook_loopback, private=settings.webhook_private)
    with ExitStack() as stores:
        try:
            models = stores.enter_context(closing(opened.model_store()))
            progress = stores.enter_context(closing(opened.progress_store()))
        except (RegistryError, WebhooksError) as error:
            raise UnavailableServiceError(str(error)) from error
        parts = TellingParts(
            region=region, journal=opened.journal, keys=opened.keys, codec=opened.codec, models=models,
            progress=progress, clock_ms=wall_clock_ms, rules=rules,
        )  # fmt: skip
        yield Publications(models, progress, Telling(parts), rules)


def make_services(opened: OpenedData, region: Region, publications: Publications, settings: Settings) -> Services:
    """What the HTTP interface stands on."""
    return Services(
        region=region,
        read_side=UnerasedViews(opened.read_side(), opened.keys),
        keys=opened.keys,
        journal=opened.journal,
        models=publications.models,
        webhook_progress=publications.progress,
        webhook_set=publications.telling.webhook_set,
        endpoint_rules=publications.rules,
        cursor_key=opened.cursor_key(),
        settings=ApiSettings(
            batch_body_bytes=settings.body_bytes,
            batch_bytes=settings.decompressed_bytes,
            body_timeout_s=settings.body_timeout_s,
        ),
        limits=settings.limits,
    )
