"""Several serving processes on one machine behind one port: this one starts, coordinates, supervises and stops them.

It answers no request itself. What it is to its children ends with it: each of them has a pipe that closes when it is
gone, however it went, and then ends too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from kinelog.actors.membership.errors import MembershipError
from kinelog.registry.errors import RegistryError
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.folder_lock import FolderLock
from kinelog.service.group_joining import group_of
from kinelog.service.opened_data import open_data
from kinelog.service.running import StopAsked
from kinelog.service.serving_group import ServingGroup, names_of
from kinelog.service.shared_port import LOOPBACK, SharedPort
from kinelog.webhooks.errors import WebhooksError


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
    asked = StopAsked(asyncio.get_running_loop())
    lock = group_of(settings) or f"process {os.getpid()} and its children"
    with ExitStack() as held:
        port = held.enter_context(SharedPort(settings.host, settings.port))
        figures = {name: held.enter_context(SharedPort(LOOPBACK, 0)).port for name in names_of(settings, count)}
        held.enter_context(FolderLock(folder.lock, lock))
        shards = await asyncio.to_thread(_made, folder, settings)
        try:
            group = ServingGroup(folder, settings, port=port.port, figures=figures, shards=shards, lock=lock)
        except MembershipError as error:
            raise UnavailableServiceError(str(error)) from error
        hurrying = asyncio.ensure_future(_hurry(asked, group))
        try:
            if await _unless_stopped(asked.stop, group.start(projections=projections)):
                await listening(port.url)
            await asked.stop.wait()
        finally:
            await group.stop()
            hurrying.cancel()


async def _hurry(asked: StopAsked, group: ServingGroup) -> None:
    await asked.hurry.wait()
    group.hurry()


def _made(folder: DataFolder, settings: Settings) -> int:
    """Make what is not there, once and here; how many shards there are.

    Children that start together must not each make keys and tables, and each say what is wrong with the folder.
    """
    with open_data(folder, settings) as opened:
        try:
            opened.model_store().close()
            opened.progress_store().close()
        except (RegistryError, WebhooksError) as error:
            raise UnavailableServiceError(str(error)) from error
        return opened.journal.shards


async def _unless_stopped(stop: asyncio.Event, starting: Awaitable[None]) -> bool:
    """Wait for the start, or for who wants no more of it; whether it was through."""
    waiting = asyncio.ensure_future(stop.wait())
    started = asyncio.ensure_future(starting)
    await asyncio.wait((waiting, started), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not started.done():
        started.cancel()
        return False
    started.result()
    return True
