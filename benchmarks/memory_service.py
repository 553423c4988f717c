"""The service on a journal in memory: what HTTP, decisions and encryption allow where storing costs nothing.

For benchmarks only: everything is gone with the process. The same parts as `kinelog serve` without a projection worker,
alone or as a child of `benchmarks.processes`, whose shards do not move. Prints `owner token TOKEN` (unless told
`--no-owner`), then `listening on URL`, and serves until SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from kinelog.actors.answers import Accepted, Answer
from kinelog.actors.asking import Asks
from kinelog.actors.region import wall_clock_ms
from kinelog.api.application import create_app
from kinelog.api.malformed_requests import ProblemRunner
from kinelog.api.secrets_made import hash_of, new_token, new_token_id
from kinelog.domain.commands import Command, CreateTenant, IssueToken
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.values import Role
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.routing.router import Router
from kinelog.service.composition import join_of, make_node, make_services, opened_publications
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.embedded_data import EmbeddedData
from kinelog.service.parent_channel import inherited_channel
from kinelog.service.running import calm_garbage_collection, listen, stop_in_order

TENANT = "benchmark"


class MemoryData(EmbeddedData):
    """A log that nothing keeps; keys and empty views lie in a folder."""

    def __init__(self, folder: DataFolder, shards: int) -> None:
        """Make everything; not as a data folder does, whose log is a file."""
        folder.create()
        self.folder = folder
        self.keys = KeyStore.open(folder.keys)
        self.journal = MemoryJournal(shards)
        self.codec = EventCodec(self.keys)


async def serve(folder: Path, shards: int, *, owner: bool) -> None:
    """Serve until SIGTERM; as one of several where a parent says so."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    channel = inherited_channel()
    settings = load_settings(folder, port=0 if channel is None else None)
    sys.setswitchinterval(settings.switch_interval_s)
    calm_garbage_collection()
    with ExitStack() as stores:
        opened = stores.enter_context(MemoryData(DataFolder(folder), shards))
        node = make_node(opened, settings, join_of(settings, shards, channel))
        publications = stores.enter_context(opened_publications(opened, node, settings))
        services = make_services(opened, node.asks, publications, settings)
        runner = ProblemRunner(create_app(services), services.settings, shutdown_timeout=settings.drain_s / 2)
        await node.start()
        await runner.setup()
        url = await listen(runner, settings, shared=channel is not None)
        if owner:
            print(f"owner token {await owner_token(opened.keys, node.asks)}", flush=True)
        print(f"listening on {url}", flush=True)
        await stop.wait()
        await stop_in_order(runner, publications.telling.stop, node.stop, [], time.monotonic() + settings.drain_s)
        services.read_side.close()
        if isinstance(node.asks, Router):
            print(f"forwarded {node.asks.forwarded}", flush=True)


async def owner_token(keys: KeyStore, asks: Asks) -> str:
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
        answer: Answer = await asks.ask(person, command)
        assert isinstance(answer, Accepted), answer
    return token


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), owner=sys.argv[3:] != ["--no-owner"]))
