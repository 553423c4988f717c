"""`make cluster`: three nodes of the service on this machine, a demo gym whose people train on them, and what to try.

ZooKeeper and Cassandra run already; nodes that die come back a while later. Ctrl-C ends everything that this started.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from kinelog.actors.membership.placement import owners
from kinelog.domain.identifiers import Person, shard_of
from kinelog.service.child_process import ChildProcess
from kinelog.service.cluster_schema import apply_schemas
from kinelog.service.commands.demo import start_floor
from kinelog.service.configuration import DataFolder, Settings, load_settings
from kinelog.service.demo_floor import READER, Invitation, invite
from kinelog.service.demo_setup import Demo, set_up_demo, write_private
from kinelog.service.group_control import group_control
from kinelog.service.observed_process import observed
from kinelog.service.opened_data import open_data

NODES = 3
PEOPLE = 6
SESSION_S = 4.0
BACK_AFTER_S = 15.0
"""How long a node that died stays away: long enough to watch others take its shards."""
READY_S = 120.0
LOOK_EVERY_S = 0.2
STOP_S = 15.0


@dataclass(frozen=True)
class Here:
    """What runs here.

    Attributes:
        data: Folder that the nodes share: the keys of the demo, the curl's frame, the secret of the group.
        settings: Store and group.
        demo: Tenant, gym and the owner's token.
        secret: File of the secret of the group.
        port: Of the first node, for people; the others take those that follow.
    """

    data: Path
    settings: Settings
    demo: Demo
    secret: Path
    port: int

    def url(self, number: int) -> str:
        """Where people reach a node, counted from 1."""
        return f"http://127.0.0.1:{self.port + number - 1}"


def main() -> int:
    """Run until a signal; 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder that the nodes share")
    parser.add_argument("--store", required=True, help="where the log is")
    parser.add_argument("--zookeeper", required=True, help="where the nodes find each other")
    parser.add_argument("--port", type=int, default=8080, help="of the first node, for people")
    arguments = parser.parse_args()
    settings = load_settings(arguments.data, store=arguments.store, zookeeper=arguments.zookeeper, log_level="WARNING")
    with observed(settings):
        apply_schemas(settings)
        demo = set_up_demo(DataFolder(arguments.data), settings)
        secret = arguments.data / "cluster.secret"
        if not secret.exists():
            write_private(secret, secrets.token_hex(32).encode())
        asyncio.run(run(Here(arguments.data, settings, demo, secret, arguments.port)))
    return 0


async def run(here: Here) -> None:
    """Start the nodes and the floor, say what there is to try, and end them in order."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    nodes = [_node(here, number) for number in range(1, NODES + 1)]
    floor: ChildProcess | None = None
    try:
        for node in nodes:
            node.start()
        if await _all_ready(here, stop):
            print(_to_try(here, await invite(here.url(1), here.demo, here.data)), flush=True)
            floor = start_floor(here.url(1), here.demo, PEOPLE)
            await stop.wait()
    finally:
        if floor is not None:
            await floor.stop(STOP_S)
        await asyncio.gather(*(node.stop(STOP_S) for node in nodes))


def _node(here: Here, number: int) -> ChildProcess:
    arguments = ["serve", "--data", str(here.data), "--port", str(here.port + number - 1)]
    variables = {
        "KINELOG_STORE": here.settings.store,
        "KINELOG_ZOOKEEPER": here.settings.zookeeper or "",
        "KINELOG_NODE": f"node-{number}",
        "KINELOG_SESSION_S": str(SESSION_S),
        "KINELOG_CLUSTER_SECRET_FILE": str(here.secret),
        "KINELOG_LOG_LEVEL": "WARNING",
    }
    return ChildProcess(f"node-{number}", arguments, variables, pause_s=BACK_AFTER_S)


async def _all_ready(here: Here, stop: asyncio.Event) -> bool:
    """Wait until every node serves; false, if this is to end before.

    Raises:
        TimeoutError: They do not.
    """
    async with asyncio.timeout(READY_S), aiohttp.ClientSession() as http:
        for number in range(1, NODES + 1):
            while not await _ready(http, here.url(number)):
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
                if stop.is_set():
                    return False
    return True


async def _ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/health/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _to_try(here: Here, invitation: Invitation) -> str:
    """What people read."""
    shard, owner = _of_the_reader(here)
    pages = [f"  {here.url(n)}/sign-in#token={here.demo.owner_token}" for n in range(1, NODES + 1)]
    store, zookeeper = here.settings.store, here.settings.zookeeper
    status = f"KINELOG_CLUSTER_SECRET_FILE={here.secret} {Path(sys.executable).parent / 'kinelog'} cluster status"
    return "\n".join(
        [
            "The gym, as its operator sees it on each of three nodes:",
            *pages,
            f"\nPost a frame, on any node:\n{invitation.curl}",
            "\nWho is there, and who has which shard:",
            f"  {status} --data {here.data} --store '{store}' --zookeeper {zookeeper}",
            f"\nThe session that this frame belongs to is in shard {shard}, which {owner} has. Open the page of",
            f"another node and kill that one; it comes back after {BACK_AFTER_S:.0f} seconds:",
            f"  kill -9 $(pgrep -f 'kinelog.service serve .*--port {here.port + int(owner.rpartition('-')[2]) - 1}')",
            "\nStop with Ctrl-C.",
        ]
    )


def _of_the_reader(here: Here) -> tuple[int, str]:
    """The shard of the person with the open session, and the node that has it."""
    with open_data(DataFolder(here.data), here.settings, may_write=False) as opened:
        pseudonym = opened.keys.pseudonym(here.demo.tenant, READER)
        if pseudonym is None:
            raise LookupError(f"{READER} is not known")
        shards = opened.journal.shards
    shard = shard_of(Person(here.demo.tenant, pseudonym), shards)
    with group_control(here.settings) as control:
        view = control.view()
    placed: Sequence[str | None] = owners(shards, view.members, view.pins)
    return shard, placed[shard] or "nobody"


if __name__ == "__main__":
    sys.exit(main())
