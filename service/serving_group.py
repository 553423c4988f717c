"""The serving children of one process: how each is started, what they share, and how all of them stop."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from kinelog.actors.membership.parent_group import ParentGroup
from kinelog.actors.membership.placement import with_best_salt
from kinelog.actors.membership.port import Member
from kinelog.service.cluster_secrets import CLUSTER_SECRET_VARIABLE
from kinelog.service.configuration import PREFIX, DataFolder, Settings
from kinelog.service.group_address import node_name
from kinelog.service.group_joining import PROJECTIONS, this_node, worker_of
from kinelog.service.invited_process import InvitedProcess
from kinelog.service.parent_channel import ParentChannel
from kinelog.service.running import CHILD_STOP_S
from kinelog.service.serving_process import ServingProcess
from kinelog.service.shared_port import LOOPBACK

logger = logging.getLogger(__name__)

LATE_S = 1.0
"""A child has this much more than its own time to drain before it is killed."""


class ServingGroup:
    """The serving children of this process, and the one worker that folds what they write."""

    def __init__(
        self, folder: DataFolder, settings: Settings, *, port: int, figures: Mapping[str, int], shards: int, lock: str
    ) -> None:
        """Make the group, not started; call on the event loop.

        Args:
            folder: The data folder that all of them share.
            settings: As this process was started with; children get the same, but for names and internal addresses.
            port: Where all of them listen.
            figures: Each child's name, and the port at which it tells its own figures.
            shards: Of the log.
            lock: Under what they share the lock of the data folder.

        Raises:
            MembershipError: The system cannot connect parent and children as is needed.
        """
        self._settings = settings
        self._figures = figures
        self._salts = _salts(settings, tuple(figures), shards)
        self._lock = lock
        # Nodes that ZooKeeper brings together need nobody else for that.
        self._loop = asyncio.get_running_loop()
        self._coordinator = (
            None if settings.zookeeper else ParentGroup(settings.session_s, len(figures), self._silent_for_good)
        )
        variables = _variables_of(settings) | {f"{PREFIX}PORT": str(port), **_internal(settings)}
        arguments = ["serve", "--data", str(folder.root), "--no-projections"]
        self._children = [
            ServingProcess(name, arguments, variables | self._own(index, name), partial(self._invite, name))
            for index, name in enumerate(figures)
        ]
        self._worker = InvitedProcess(
            PROJECTIONS, ["project", "--data", str(folder.root)], _variables_of(settings), self._invite_the_worker
        )

    def _own(self, index: int, name: str) -> dict[str, str]:
        """Variables of one child: its name; among other machines' nodes also a port of its own where one is given."""
        given = self._settings.internal_port if self._settings.zookeeper else 0
        return {f"{PREFIX}NODE": name, f"{PREFIX}INTERNAL_PORT": str(given + index if given else 0)}

    def _invite(self, name: str) -> tuple[socket.socket | None, Mapping[str, str]]:
        end = None if self._coordinator is None else self._coordinator.invite(name)
        return end, self._channel(end, self._salts[name]).variables()

    def _invite_the_worker(self) -> tuple[socket.socket | None, Mapping[str, str]]:
        """It says which form of events it reads; where the group is ZooKeeper's, it says so there by itself."""
        if self._coordinator is None:
            return None, {}
        end = self._coordinator.invite(worker_of(self._settings), owns=False)
        return end, self._channel(end, salt=0).variables()

    def _channel(self, end: socket.socket | None, salt: int) -> ParentChannel:
        return ParentChannel(
            descriptor=None if end is None else end.fileno(),
            session_s=self._settings.session_s,
            salt=salt,
            group=self._lock,
            figures=self._figures,
        )

    def _silent_for_good(self, name: str) -> None:
        """On the coordinator's thread."""
        for child in self._children:
            if child.name == name:
                logger.error("node %s stands still; killed", name)
                self._loop.call_soon_threadsafe(child.kill)

    async def start(self, *, projections: bool) -> None:
        """Start everybody, and wait until all children answer requests.

        Raises:
            UnavailableServiceError: One ended instead.
        """
        if self._coordinator is not None:
            self._coordinator.start()
        for child in self._children:
            child.start()
        if projections:
            self._worker.start()
        await asyncio.gather(*(child.listening() for child in self._children))

    def hurry(self) -> None:
        """Nobody wants to wait any more."""
        for child in self._children:
            child.hurry()

    async def stop(self) -> None:
        """Stop the children at the same time, then the worker, which folds what they wrote last."""
        within_s = self._settings.drain_s + LATE_S
        deadline = time.monotonic() + within_s
        if self._coordinator is not None:
            self._coordinator.drain_everybody()
        await asyncio.gather(*(child.stop(within_s) for child in self._children))
        await self._worker.stop(max(1.0, min(CHILD_STOP_S, deadline - time.monotonic())))
        if self._coordinator is not None:
            await asyncio.to_thread(self._coordinator.stop)


def names_of(settings: Settings, count: int) -> Sequence[str]:
    """Names of the children, made of this node's."""
    node = node_name(settings.node)
    return [f"{node[:60]}-{number}" for number in range(1, count + 1)]


def _salts(settings: Settings, names: Sequence[str], shards: int) -> dict[str, int]:
    """Keys of placement for all of them, chosen one after the other as if they joined so, whoever starts first."""
    chosen: list[Member] = []
    for name in names:
        me = this_node(msgspec.structs.replace(settings, node=name))
        chosen.append(with_best_salt(shards, me, chosen))
    return {member.name: member.salt for member in chosen}


def _internal(settings: Settings) -> dict[str, str]:
    """How children reach each other: on loopback, by a secret that is gone with them; with ZooKeeper as is set."""
    if settings.zookeeper:
        return {}
    return {
        f"{PREFIX}INTERNAL_HOST": LOOPBACK,
        f"{PREFIX}ADVERTISE": LOOPBACK,
        CLUSTER_SECRET_VARIABLE: secrets.token_hex(32),
    }


def _variables_of(settings: Settings) -> dict[str, str]:
    """What the command line may have said; the rest children read as we did."""
    given = {
        "HOST": settings.host,
        "STORE": settings.store,
        "LOG_LEVEL": settings.log_level,
        "LOG_FORMAT": settings.log_format,
    }
    if settings.shards is not None:
        given["SHARDS"] = str(settings.shards)
    return {f"{PREFIX}{name}": value for name, value in given.items()}
