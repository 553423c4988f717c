"""The service on a journal in memory: what HTTP, decisions and encryption allow where storing costs nothing.

For `cassandra_ingest` only: everything is gone with the process. The same parts as `kinelog serve` without a projection
worker. Prints `owner token TOKEN`, then `listening on URL`, and serves until SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import ClassVar

from kinelog.actors.answers import Accepted, Answer
from kinelog.actors.region import Region, wall_clock_ms
from kinelog.api.application import create_app
from kinelog.api.malformed_requests import ProblemRunner
from kinelog.api.secrets_made import hash_of, new_token, new_token_id
from kinelog.domain.commands import Command, CreateTenant, IssueToken
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.values import Role
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.projections.read_side import ReadSide
from kinelog.projections.sqlite_read_side import SqliteReadSide
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.view_store import ViewStore
from kinelog.service.composition import make_region, make_services
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.opened_data import OpenedData
from kinelog.service.running import calm_garbage_collection, listen, stop_in_order
from typing_extensions import override

TENANT = "benchmark"


class MemoryData(OpenedData):
    """A log that nothing keeps; keys and empty views lie in a folder."""

    trouble: ClassVar[tuple[type[Exception], ...]] = ()

    def __init__(self, folder: DataFolder, shards: int) -> None:
        """Make everything."""
        folder.create()
        self.folder = folder
        self.keys = KeyStore.open(folder.keys)
        self.journal = MemoryJournal(shards)
        self.codec = EventCodec(self.keys)

    @override
    def view_store(self) -> ViewStore:
        return SqliteViews(self.folder.views)

    @override
    def read_side(self) -> ReadSide:
        return SqliteReadSide(self.folder.views)

    @override
    def index(self, shards: Sequence[int]) -> Callable[[Event], None] | None:
        return None

    @override
    def close(self) -> None:
        self.keys.close()


async def serve(folder: Path, shards: int) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings(port=0)
    sys.setswitchinterval(settings.switch_interval_s)
    calm_garbage_collection()
    with MemoryData(DataFolder(folder), shards) as opened:
        region = make_region(opened, settings)
        services = make_services(opened, region, settings)
        runner = ProblemRunner(create_app(services), access_log=None, shutdown_timeout=settings.drain_s / 2)
        region.start()
        await runner.setup()
        url = await listen(runner, settings)
        print(f"owner token {await owner_token(opened.keys, region)}\nlistening on {url}", flush=True)
        await stop.wait()
        await stop_in_order(runner, region.stop, [], settings)
        services.read_side.close()


async def owner_token(keys: KeyStore, region: Region) -> str:
    """Make the tenant, and a token of its owner."""
    keys.enrol_tenant(TENANT)
    person, token_id = Person(TENANT, TENANT_PERSON), new_token_id()
    token = new_token(TENANT, token_id)
    now = wall_clock_ms()
    commands: tuple[Command, ...] = (
        CreateTenant(at_ms=now, name=TENANT),
        IssueToken(at_ms=now, token_id=token_id, token_hash=hash_of(token), role=Role.OWNER, note=""),
    )
    for command in commands:
        answer: Answer = await region.ask(person, command)
        assert isinstance(answer, Accepted), answer
    return token


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
