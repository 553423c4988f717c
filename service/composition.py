"""The composition root: makes the parts of a process and ties them together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from kinelog.actors.asking import Asks
from kinelog.actors.region import wall_clock_ms
from kinelog.api.services import Services
from kinelog.api.settings import ApiSettings
from kinelog.api.unerased_views import UnerasedViews
from kinelog.domain.identifiers import TENANT_PERSON, Person, shard_of
from kinelog.registry.errors import RegistryError
from kinelog.registry.store import ModelStore
from kinelog.service.configuration import Settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.group_joining import NODES, PROJECTIONS, READERS, zookeeper_membership
from kinelog.service.group_node import GroupNode, Join
from kinelog.service.node import LonelyNode, Node
from kinelog.service.opened_data import OpenedData
from kinelog.service.own_region import make_region
from kinelog.service.parent_channel import ParentChannel
from kinelog.webhooks.endpoint import EndpointRules
from kinelog.webhooks.errors import WebhooksError
from kinelog.webhooks.progress_store import ProgressStore
from kinelog.webhooks.telling import Telling, TellingParts


def join_of(settings: Settings, shards: int, channel: ParentChannel | None) -> Join | None:
    """How this process joins a group: its parent's, or as the settings say; None where it serves alone."""
    if channel is not None and channel.descriptor is not None:
        return channel.membership
    if settings.zookeeper is None:
        return None
    return lambda me: zookeeper_membership(settings, NODES, me, shards, workers=(PROJECTIONS, READERS))


def make_node(opened: OpenedData, settings: Settings, join: Join | None) -> Node:
    """The node that this process is, not started; call on its event loop.

    Raises:
        ConfigurationError: What a group needs is missing.
        UnavailableServiceError: The internal port is taken.
    """
    if join is None:
        return LonelyNode(make_region(opened, settings))
    return GroupNode(opened, settings, join)


ANNOUNCING_SHARD = 0
"""Of all nodes the one that owns this shard announces what was published."""


@dataclass(frozen=True, slots=True)
class Publications:
    """What a process has of published models: their store, how far they were told, and what tells them."""

    models: ModelStore
    progress: ProgressStore
    telling: Telling
    rules: EndpointRules


@contextmanager
def opened_publications(opened: OpenedData, node: Node, settings: Settings) -> Iterator[Publications]:
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
            region=node.asks, journal=opened.journal, keys=opened.keys, codec=opened.codec, models=models,
            progress=progress, clock_ms=wall_clock_ms, rules=rules,
            announces=lambda: node.owns(ANNOUNCING_SHARD),
            sends_to=lambda tenant: node.owns(shard_of(Person(tenant, TENANT_PERSON), opened.journal.shards)),
        )  # fmt: skip
        telling = Telling(parts)
        node.tells(telling.moved, telling.webhook_set)
        yield Publications(models, progress, telling, rules)


def api_settings(settings: Settings) -> ApiSettings:
    """What of the interface's bounds a deployment has chosen."""
    return ApiSettings(
        batch_body_bytes=settings.body_bytes,
        batch_bytes=settings.decompressed_bytes,
        body_timeout_s=settings.body_timeout_s,
        connections=settings.connections,
        connections_of_network=settings.connections_per_address,
        headers_s=settings.headers_s,
        keepalive_s=settings.keepalive_s,
        access_log=settings.access_log,
        named_requests=settings.log_format == "json",
    )


def make_services(opened: OpenedData, asks: Asks, publications: Publications, settings: Settings) -> Services:
    """What the HTTP interface stands on."""
    return Services(
        region=asks,
        read_side=UnerasedViews(opened.read_side(), opened.keys),
        keys=opened.keys,
        journal=opened.journal,
        models=publications.models,
        webhook_progress=publications.progress,
        webhook_set=publications.telling.webhook_set,
        endpoint_rules=publications.rules,
        cursor_key=opened.cursor_key(),
        settings=api_settings(settings),
        limits=settings.limits,
    )
