"""The region of a process, as the settings bound it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from kinelog.actors.lease import without_end
from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings, ShardSettings
from kinelog.service.configuration import Settings
from kinelog.service.opened_data import OpenedData


def make_region(
    opened: OpenedData,
    settings: Settings,
    *,
    assigned: Collection[int] | None = None,
    lease: Callable[[], float] = without_end,
    owner: Callable[[], str] | None = None,
) -> Region:
    """The shards of this process, not started; what may be told is what `Region` takes."""
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
        assigned=assigned,
        lease=lease,
        owner=owner,
    )
