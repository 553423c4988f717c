"""Figures of a group of processes: each tells its own at a port of its own, and whoever is scraped asks the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
from aiohttp import web
from kinelog.observability.merged_figures import merged
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
        return web.Response(body=await self._own(), headers={"Content-Type": CONTENT_TYPE_LATEST})
