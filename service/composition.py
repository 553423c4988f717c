"""The composition root: makes the parts of a process and ties them together."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings, ShardSettings
from kinelog.api.services import Services
from kinelog.api.settings import ApiSettings
from kinelog.api.unerased_views import UnerasedViews
from kinelog.service.configuration import Settings
from kinelog.service.opened_data import OpenedData


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


def make_services(opened: OpenedData, region: Region, settings: Settings) -> Services:
    """What the HTTP interface stands on."""
    return Services(
        region=region,
        read_side=UnerasedViews(opened.read_side(), opened.keys),
        keys=opened.keys,
        journal=opened.journal,
        cursor_key=secret_file(opened.folder.keys / "cursor.key"),
        settings=ApiSettings(
            batch_body_bytes=settings.body_bytes,
            batch_bytes=settings.decompressed_bytes,
            body_timeout_s=settings.body_timeout_s,
        ),
        limits=settings.limits,
    )


def secret_file(path: Path) -> bytes:
    """32 secret bytes that stay the same; made on first use, readable by nobody else."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(file, "wb") as out:
        key = secrets.token_bytes(32)
        out.write(key)
    return key
