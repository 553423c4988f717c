"""A service process from start to exit 0."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack

from aiohttp import web
from kinelog.api.application import create_app
from kinelog.api.context import CONTEXT
from kinelog.api.malformed_requests import ProblemRunner
from kinelog.service.child_process import ChildProcess
from kinelog.service.composition import join_of, make_node, make_services, opened_publications
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.errors import UnavailableServiceError
from kinelog.service.folder_lock import FolderLock
from kinelog.service.group_address import node_name
from kinelog.service.group_joining import group_of
from kinelog.service.named_lines import name_lines
from kinelog.service.open_files import open_files_for
from kinelog.service.opened_data import open_data
from kinelog.service.parent_channel import inherited_channel
from kinelog.service.process_figures import figures_among

logger = logging.getLogger(__name__)

BACKLOG = 1024
CHILD_STOP_S = 3.0
HURRIED_S = 1.0


async def run_service(
    folder: DataFolder,
    settings: Settings,
    *,
    projections: bool,
    listening: Callable[[str], Awaitable[ChildProcess | None]],
) -> None:
    """Serve until SIGTERM or SIGINT, then stop in the order that loses nothing.

    Args:
        folder: The data folder; this process becomes its only writer.
        settings: How.
        projections: Whether a projection worker runs as a child process.
        listening: Awaited with the URL once requests are answered; a child process that it returns is stopped first,
            before the service.

    Raises:
        TryAgainError: Another service has the folder.
        UnavailableServiceError: The address is taken.
    """
    folder.create()
    asked = StopAsked(asyncio.get_running_loop())
    sys.setswitchinterval(settings.switch_interval_s)
    calm_garbage_collection()
    open_files_for(settings.connections)
    channel = inherited_channel()
    if channel is not None and settings.log_format == "text":  # objects for machines name their node anyway
        name_lines(node_name(settings.node))
    with (
        FolderLock(folder.lock, group_of(settings, channel)),
        open_data(folder, settings) as opened,
        ExitStack() as stores,
    ):
        node = make_node(opened, settings, join_of(settings, opened.journal.shards, channel))
        publications = stores.enter_context(opened_publications(opened, node, settings))
        services = make_services(opened, node.asks, publications, settings)
        app = create_app(services)
        figures = figures_among(channel, settings, app)
        runner = ProblemRunner(app, services.settings, shutdown_timeout=settings.drain_s / 2)
        children: list[ChildProcess] = []
        deadline = time.monotonic() + settings.drain_s
        try:
            await node.start()
            publications.telling.start()
            await runner.setup()
            if figures is not None:
                await figures.start()
            url = await listen(runner, settings, shared=channel is not None)
            if projections:
                variables = {
                    "KINELOG_LOG_LEVEL": settings.log_level,
                    "KINELOG_LOG_FORMAT": settings.log_format,
                    "KINELOG_STORE": settings.store,
                }  # the rest it reads as we did
                children.append(ChildProcess("projections", ["project", "--data", str(folder.root)], variables))
                children[-1].start()
            visitors = await listening(url)
            await asked.stop.wait()
            deadline = time.monotonic() + settings.drain_s
            app[CONTEXT].lifecycle.begin_stopping()
            await node.drain(settings.drain_s / 3, asked.hurry)
            if visitors is not None:
                await visitors.stop(CHILD_STOP_S)
        finally:
            if asked.hurry.is_set():
                deadline = time.monotonic() + HURRIED_S
            await stop_in_order(runner, publications.telling.stop, node.stop, children, deadline)
            if figures is not None:
                await figures.stop()
            services.read_side.close()


class StopAsked:
    """Signals: the first asks to stop in order, the next one to hurry."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take SIGTERM and SIGINT over."""
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._heard)

    def _heard(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


def calm_garbage_collection() -> None:
    """Look for cycles seldom, and never among what was there at the start.

    States, events and commands are immutable trees that the collector does not even know (`gc=False`), so what it could
    find is little, while a look over a hundred thousand resident people is long.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def listen(runner: web.AppRunner, settings: Settings, *, shared: bool = False) -> str:
    """Open the port, alone or shared with processes of this group, and tell its URL.

    Raises:
        UnavailableServiceError: The address is taken or not ours.
    """
    site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG, reuse_port=shared or None)
    try:
        await site.start()
    except OSError as error:
        message = f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; choose another --port"
        raise UnavailableServiceError(message) from error
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


async def stop_in_order(
    runner: web.AppRunner,
    stop_telling: Callable[[], Awaitable[None]],
    stop_node: Callable[[float], Awaitable[None]],
    children: Sequence[ChildProcess],
    deadline: float,
) -> None:
    """Stop accepting, answer what is in flight, tell nobody more, empty the mailboxes, save snapshots, end workers."""
    logger.info("stopping")
    await runner.cleanup()
    await stop_telling()
    await stop_node(max(1.0, deadline - time.monotonic()))
    await asyncio.gather(*(child.stop(CHILD_STOP_S) for child in children))
    logger.info("stopped")
