"""Several serving processes on one machine behind one port: this one starts, coordinates, supervises and stops them.

It answers no request itself. What it is to its children ends with it: each of them has a pipe that closes when it is
gone, however it went, and then ends too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from kinelog.actors.membership.errors import MembershipError
from kinelog.actors.membership.parent_group import ParentGroup
from kinelog.registry.errors import RegistryError
from kinelog.service.child_process import ChildProcess
from kinelog.service.cluster_secrets import CLUSTER_SECRET_VARIABLE
from kinelog.service.configuration import PREFIX, DataFolder, Settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.folder_lock import FolderLock
from kinelog.service.group_address import node_name
from kinelog.service.opened_data import open_data
from kinelog.service.parent_channel import ParentChannel
from kinelog.service.running import CHILD_STOP_S
from kinelog.service.serving_process import ServingProcess
from kinelog.service.shared_port import LOOPBACK, SharedPort
from kinelog.webhooks.errors import WebhooksError

logger = logging.getLogger(__name__)


LATE_S = 1.0
"""A child has this much more than its own time to drain before it is killed."""


class ServingGroup:
    """The serving children of this process and the one worker that folds what they write."""

    def __init__(self, folder: DataFolder, settings: Settings, port: SharedPort, figures: Mapping[str, int]) -> None:
        """Make the group, not started.

        Args:
            folder: The data folder that all of them share.
            settings: As this process was started with; children get the same, but for names and internal addresses.
            port: Where all of them listen.
            figures: Each child's name, and the port at which it tells its own figures.
        """
        self._settings = settings
        self._figures = figures
        self._coordinator = ParentGroup(settings.session_s, expected=len(figures))
        self.lock_group = f"process {os.getpid()} and its children"
        arguments = ["serve", "--data", str(folder.root), "--no-projections"]
        variables = _variables_of(settings) | {
            f"{PREFIX}PORT": str(port.port),
            f"{PREFIX}INTERNAL_HOST": LOOPBACK,
            f"{PREFIX}ADVERTISE": LOOPBACK,
            f"{PREFIX}INTERNAL_PORT": "0",
            # Nobody but these processes has it, and it is gone with them.
            CLUSTER_SECRET_VARIABLE: secrets.token_hex(32),
        }
        self._children = [
            ServingProcess(name, arguments, variables | {f"{PREFIX}NODE": name}, partial(self._invite, name))
            for name in figures
        ]
        self._worker = ChildProcess("projections", ["project", "--data", str(folder.root)], _variables_of(settings))

    def _invite(self, name: str) -> tuple[socket.socket, Mapping[str, str]]:
        end = self._coordinator.invite(name)
        channel = ParentChannel(
            descriptor=end.fileno(),
            session_s=self._settings.session_s,
            group=self.lock_group,
            figures=self._figures,
        )
        return end, channel.variables()

    async def start(self, *, projections: bool) -> None:
        """Start everybody, and wait until all children answer requests.

        Raises:
            UnavailableServiceError: One ended instead.
        """
        self._coordinator.start()
        for child in self._children:
            child.start()
        if projections:
            self._worker.start()
        await asyncio.gather(*(child.listening() for child in self._children))

    async def stop(self) -> None:
        """Stop the children at the same time, then the worker, which folds what they wrote last."""
        deadline = time.monotonic() + self._settings.drain_s + LATE_S
        await asyncio.gather(*(child.stop(self._settings.drain_s + LATE_S) for child in self._children))
        await self._worker.stop(max(1.0, min(CHILD_STOP_S, deadline - time.monotonic())))
        await asyncio.to_thread(self._coordinator.stop)


def names_of(settings: Settings, count: int) -> Sequence[str]:
    """Names of the children, made of this node's."""
    node = node_name(settings.node)
    return [f"{node[:60]}-{number}" for number in range(1, count + 1)]


def _variables_of(settings: Settings) -> dict[str, str]:
    """What the command line may have said; the rest children read as we did."""
    given = {"HOST": settings.host, "STORE": settings.store, "LOG_LEVEL": settings.log_level}
    if settings.shards is not None:
        given["SHARDS"] = str(settings.shards)
    return {f"{PREFIX}{name}": value for name, value in given.items()}


async def run_processes(
    folder: DataFolder,
    settings: Settings,
    count: int,
    *,
    projections: bool,
    listening: Callable[[str], Awaitable[object]],
) -> None:
    """Serve with so many processes until SIGTERM or SIGINT; all of them are gone afterwards.

    Args:
        folder: The data folder; this process and its children are its only writers.
        settings: How.
        count: Children.
        projections: Whether one projection worker runs too.
        listening: Awaited with the URL once every child answers requests.

    Raises:
        TryAgainError: Another service has the folder.
        UnavailableServiceError: The address is taken, or a child ended before it served.
    """
    folder.create()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with ExitStack() as held:
        port = held.enter_context(SharedPort(settings.host, settings.port))
        figures = {name: held.enter_context(SharedPort(LOOPBACK, 0)).port for name in names_of(settings, count)}
        try:
            group = ServingGroup(folder, settings, port, figures)
        except MembershipError as error:
            raise UnavailableServiceError(str(error)) from error
        held.enter_context(FolderLock(folder.lock, group.lock_group))
        # Once and here: children that start together must not each make keys, and each say what is wrong.
        await asyncio.to_thread(_make, folder, settings)
        try:
            if await _until_stopped(stop, group.start(projections=projections)):
                await listening(port.url)
            await stop.wait()
        finally:
            await group.stop()


def _make(folder: DataFolder, settings: Settings) -> None:
    with open_data(folder, settings) as opened:
        try:
            opened.model_store().close()
            opened.progress_store().close()
        except (RegistryError, WebhooksError) as error:
            raise UnavailableServiceError(str(error)) from error


async def _until_stopped(stop: asyncio.Event, starting: Awaitable[None]) -> bool:
    """Wait for the start or for who wants no more of it; whether it was through."""
    waiting = asyncio.ensure_future(stop.wait())
    started = asyncio.ensure_future(starting)
    await asyncio.wait((waiting, started), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not started.done():
        started.cancel()
        return False
    started.result()
    return True
