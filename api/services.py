"""What the HTTP interface stands on; the composition root makes it, tests make it of fakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kinelog.actors.asking import Asks
from kinelog.actors.region import wall_clock_ms
from kinelog.api.settings import ApiSettings
from kinelog.domain.limits import DEFAULT_LIMITS, Limits
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.read_side import ReadSide
from kinelog.registry.store import ModelStore
from kinelog.webhooks.endpoint import EndpointRules
from kinelog.webhooks.progress_store import ProgressStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a request may need.

    Attributes:
        region: Takes commands.
        read_side: Answers questions about the views, without the erased (`UnerasedViews`); blocking.
        keys: Names, pseudonyms, keys; blocking.
        journal: For exports and for the heads that lag is measured against; blocking.
        models: Published models; blocking.
        webhook_progress: How telling tenants goes; blocking.
        cursor_key: 32 secret bytes that cursors are sealed with; the same in every process of a deployment.
        webhook_set: Called with a tenant that set its webhook.
        endpoint_rules: Which places may be called.
        clock_ms: Unix milliseconds.
        settings: Bounds of the interface.
        limits: Bounds that the state machines keep.
    """

    region: Asks
    read_side: ReadSide
    keys: KeyStore
    journal: Journal
    models: ModelStore
    webhook_progress: ProgressStore
    cursor_key: bytes
    webhook_set: Callable[[str], None] = lambda _tenant: None
    endpoint_rules: EndpointRules = field(default_factory=EndpointRules)
    clock_ms: Callable[[], int] = wall_clock_ms
    settings: ApiSettings = field(default_factory=ApiSettings)
    limits: Limits = DEFAULT_LIMITS
