"""What the HTTP interface stands on; the composition root makes it, tests make it of fakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kinelog.actors.region import Region, wall_clock_ms
from kinelog.api.settings import ApiSettings
from kinelog.domain.limits import DEFAULT_LIMITS, Limits
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.read_side import ReadSide


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a request may need.

    Attributes:
        region: Takes commands.
        read_side: Answers questions about the views, without the erased (`UnerasedViews`); blocking.
        keys: Names, pseudonyms, keys; blocking.
        journal: For exports and for the heads that lag is measured against; blocking.
        cursor_key: 32 secret bytes that cursors are sealed with; the same in every process of a deployment.
        clock_ms: Unix milliseconds.
        settings: Bounds of the interface.
        limits: Bounds that the state machines keep.
    """

    region: Region
    read_side: ReadSide
    keys: KeyStore
    journal: Journal
    cursor_key: bytes
    clock_ms: Callable[[], int] = wall_clock_ms
    settings: ApiSettings = field(default_factory=ApiSettings)
    limits: Limits = DEFAULT_LIMITS
