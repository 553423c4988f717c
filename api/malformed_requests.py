"""Requests that are no HTTP: answered as problems too, and never written to the log with what they said.

The server's own answer to them is plain text with the bytes that it stumbled over, and a trace in the log with the same
bytes, which may be the beginning of a token.
"""

from __future__ import annotations

import logging

from aiohttp import web
from kinelog.api.bounded_connections import BoundedConnection, Door
from kinelog.api.problems import ProblemError, problem_response
from kinelog.api.settings import ApiSettings
from typing_extensions import override

logger = logging.getLogger(__name__)


class _Connection(BoundedConnection):
    __slots__ = ()

    @override
    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            message = "an answer is on its way already, another one would be taken for a part of it"
            raise ConnectionError(message)
        if status < 500:
            logger.info("a request that is no HTTP: %s", type(exc).__name__)
            return problem_response(
                request, ProblemError("bad-request", "This is not HTTP as it should be.", close=True)
            )
        logger.error("a request failed before it reached its route", exc_info=exc)
        return problem_response(request, ProblemError("internal", close=True))


class _Server(web.Server):
    door: Door

    @override
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, door=self.door, **self._kwargs)


class ProblemRunner(web.AppRunner):
    """An application's runner whose server answers problems to everything, on so many connections."""

    def __init__(self, app: web.Application, settings: ApiSettings, *, shutdown_timeout: float) -> None:
        """Run the application, within the bounds on connections that the settings have."""
        super().__init__(app, access_log=None, shutdown_timeout=shutdown_timeout)
        self._door = Door(settings)

    @override
    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        # No public way leads to the class of the connections; the parts are those of the server that was made.
        server = _Server(made.request_handler, request_factory=made.request_factory, **made._kwargs)  # noqa: SLF001
        server.door = self._door
        return server
