"""`GET /v1/gyms/{gym}/live`: who is training now, and everything that happens, as server-sent events.

Event ids are positions by shard, so a client that comes back with `Last-Event-ID` goes on exactly behind what it had,
over restarts and over processes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import hdrs, web
from kinelog.api.call import Call
from kinelog.api.context import Context
from kinelog.api.documents import LiveEvent, LiveSnapshot
from kinelog.api.gyms import known_gym
from kinelog.api.json_body import encode_json
from kinelog.api.live_feeds import Watcher, behind
from kinelog.api.positions import BadPositionError, positions_of, token_of_all
from kinelog.api.problems import ProblemError
from kinelog.api.session_reading import named_documents
from kinelog.privacy.errors import KeyStoreUnavailableError
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.rows import LiveRow

EVENT_STREAM = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RETRY_MS = 2_000


async def get_live(call: Call) -> web.StreamResponse:
    """Stream what happens at a gym."""
    gym, _ = await known_gym(call)
    return await stream_gym(call.request, call.context, call.principal.tenant, gym)


async def stream_gym(request: web.Request, context: Context, tenant: str, gym: str) -> web.StreamResponse:
    """Stream what happens at a gym to whoever was let in; the operator's pages use it too.

    Raises:
        ProblemError: `busy`: there are too many streams.
    """
    settings = context.services.settings
    if context.lifecycle.is_stopping:
        raise ProblemError("unavailable", "The service is stopping.", retry_after_s=2)
    if context.meters.live_clients >= settings.live_clients:
        raise ProblemError("busy", "There are too many live streams.", retry_after_s=10)
    context.meters.live_clients += 1
    try:
        return await _Stream(request, context, tenant, gym).run()
    finally:
        context.meters.live_clients -= 1


@dataclass(slots=True)
class _Stream:
    request: web.Request
    context: Context
    tenant: str
    gym: str

    async def run(self) -> web.StreamResponse:
        context = self.context
        as_of = await context.views.current()
        resumed = self._resumed(as_of)
        positions = dict(as_of if resumed is None else resumed)
        response = web.StreamResponse(headers=HEADERS)
        response.content_type = EVENT_STREAM
        await response.prepare(self.request)
        if self.request.method == hdrs.METH_HEAD:
            return response
        # Watching begins before the snapshot and the catching up, so that nothing falls between them.
        watcher = await context.feeds.watch(self.tenant, self.gym, positions)
        try:
            with suppress(ConnectionError, TimeoutError, ProblemError, ViewsUnavailableError, KeyStoreUnavailableError):
                # A client that went away or takes nothing any more, or a store that does not answer, which nobody can
                # be told in the middle of a stream: the client resumes by its last event.
                await self._write(response, b"retry: %d\n\n" % RETRY_MS)
                if resumed is None:
                    await self._snapshot(response, positions)
                await self._catch_up(response, positions)
                await self._follow(response, watcher, positions)
        finally:
            await context.feeds.unwatch(self.tenant, self.gym, watcher)
        return response

    def _resumed(self, as_of: dict[int, int]) -> dict[int, int] | None:
        token = self.request.headers.get("Last-Event-ID")
        if not token:
            return None
        try:
            positions = positions_of(token)
        except BadPositionError:
            return None  # not ours: begin anew rather than fail a browser that would ask again for ever
        # From the future: an id of another log (restored, copied). Its client must begin anew.
        foreign = any(position > as_of.get(shard, 0) for shard, position in positions.items())
        return None if foreign else positions

    async def _snapshot(self, response: web.StreamResponse, positions: dict[int, int]) -> None:
        services = self.context.services

        def ask() -> bytes:
            rows = services.read_side.training_now(self.tenant, self.gym)
            return encode_json(LiveSnapshot(sessions=tuple(named_documents(services.keys, self.tenant, rows))))

        data = await self.context.blocking(ask)
        await self._write(response, _event("snapshot", positions, data))

    async def _catch_up(self, response: web.StreamResponse, positions: dict[int, int]) -> None:
        while rows := await self.context.feeds.entries(self.tenant, self.gym, positions):
            if not any(behind(row, positions) for row in rows):
                return
            await self._send(response, rows, positions)

    async def _follow(self, response: web.StreamResponse, watcher: Watcher, positions: dict[int, int]) -> None:
        stopping = asyncio.get_running_loop().create_task(self.context.lifecycle.stopping.wait())
        stopping.add_done_callback(lambda _: watcher.news.set())
        try:
            while not stopping.done():
                if not await self._news(watcher):
                    await self._write(response, b": alive\n\n")
                    continue
                if watcher.overflowed:
                    self.context.meters.live_cut_off += 1
                    return
                await self._send(response, watcher.take(), positions)
        finally:
            stopping.cancel()

    async def _news(self, watcher: Watcher) -> bool:
        try:
            async with asyncio.timeout(self.context.services.settings.live_heartbeat_s):
                await watcher.news.wait()
        except TimeoutError:
            return False
        return True

    async def _send(self, response: web.StreamResponse, rows: list[LiveRow], positions: dict[int, int]) -> None:
        fresh = [row for row in rows if behind(row, positions)]
        if not fresh:
            return
        people = {row.person for row in fresh}
        name = self.context.services.keys.name
        names = await self.context.blocking(lambda: {person: name(self.tenant, person) for person in people})
        for row in fresh:
            positions[row.shard] = max(row.position, positions.get(row.shard, 0))
            document = LiveEvent(
                event=row.event, session=row.session, user=names[row.person], at_ms=row.at_ms, detail=row.detail
            )
            await self._write(response, _event(row.event, positions, encode_json(document)))

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(self.context.services.settings.live_write_timeout_s):
            await response.write(data)


def _event(kind: str, positions: dict[int, int], data: bytes) -> bytes:
    return b"event: %b\nid: %b\ndata: %b\n\n" % (kind.encode(), token_of_all(positions).encode(), data)
