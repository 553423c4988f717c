"""Figures of a group of processes: each tells its own at a port of its own, and whoever is scraped asks the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
from aiohttp import web
from kinelog.api.context import CONTEXT
from kinelog.api.operations import FIGURES_OF_ALL, own_figures
from kinelog.api.problems import ProblemError
from kinelog.observability.merged_figures import merged
from kinelog.service.configuration import Settings
from kinelog.service.group_address import node_name
from kinelog.service.parent_channel import ParentChannel
from kinelog.service.shared_port import LOOPBACK
from prometheus_client import CONTENT_TYPE_LATEST

OTHERS_TIMEOUT_S = 1.0
"""A paused process must not keep Prometheus from hearing of the others."""


class ProcessFigures:
    """The figures of one of several processes, and through it those of all."""

    def __init__(self, name: str, ports: Mapping[str, int], own: Callable[[], Awaitable[bytes]]) -> None:
        """Remember where to ask.

        Args:
            name: Of this process.
            ports: Of every process, on loopback.
            own: This process's page.
        """
        self._name = name
        self._ports = ports
        self._own = own
        app = web.Application()
        app.router.add_get("/metrics", self._tell)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        """Tell our own."""
        await self._runner.setup()
        # The parent holds the port for all our lives.
        await web.TCPSite(self._runner, LOOPBACK, self._ports[self._name], reuse_port=True).start()

    async def stop(self) -> None:
        """Tell nobody any more."""
        await self._runner.cleanup()

    async def all(self) -> bytes:
        """Everybody's, each series with its process."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(OTHERS_TIMEOUT_S)) as http:
            pages = await asyncio.gather(*(self._page(http, name) for name in self._ports))
        return await asyncio.to_thread(merged, dict(zip(self._ports, pages, strict=True)))

    async def _page(self, http: aiohttp.ClientSession, name: str) -> bytes | None:
        if name == self._name:
            return await self._own()
        try:
            async with http.get(f"http://{LOOPBACK}:{self._ports[name]}/metrics") as answer:
                return await answer.read() if answer.ok else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _tell(self, _request: web.Request) -> web.Response:
        try:
            body = await self._own()
        except ProblemError as problem:
            raise web.HTTPServiceUnavailable(text=str(problem)) from problem
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def figures_among(channel: ParentChannel | None, settings: Settings, app: web.Application) -> ProcessFigures | None:
    """What tells the figures of a child and, on the shared port, of its whole group; None for who serves alone."""
    if channel is None:
        return None
    figures = ProcessFigures(node_name(settings.node), channel.figures, lambda: own_figures(app[CONTEXT]))
    app[FIGURES_OF_ALL] = figures.all
    return figures
