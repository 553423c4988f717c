"""For those who run the service: liveness, readiness, figures, the OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from kinelog.api.context import Context
from kinelog.api.documents import Health
from kinelog.api.json_body import json_response
from kinelog.api.problems import ProblemError
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

FIGURES_OF_ALL: web.AppKey[Callable[[], Awaitable[bytes]]] = web.AppKey("figures_of_all")
"""Set where several processes share the port."""

_UNSTORED = {"Cache-Control": "no-store"}


async def live(_request: web.Request, _context: Context) -> web.StreamResponse:
    """The process is alive: its event loop answers."""
    return json_response(Health(status="alive"), headers=_UNSTORED)


async def ready(_request: web.Request, context: Context) -> web.StreamResponse:
    """The process takes requests: every shard is acquired, and it is not going away."""
    if context.lifecycle.is_stopping:
        raise ProblemError("unavailable", "The service is stopping.", retry_after_s=2)
    if not context.services.region.ready():
        raise ProblemError("unavailable", "Not every shard is ready.", retry_after_s=1)
    return json_response(Health(status="ready"), headers=_UNSTORED)


async def metrics(request: web.Request, context: Context) -> web.StreamResponse:
    """Figures of this interface, and of all parts that registered some, as Prometheus reads them.

    Where several processes share the port, those of all of them: nobody can choose which one answers.
    """
    of_all = request.app.get(FIGURES_OF_ALL)
    body = await (own_figures(context) if of_all is None else of_all())
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def own_figures(context: Context) -> bytes:
    """Figures of this process alone."""
    return await context.blocking(_collected, context.figures)


def _collected(figures: CollectorRegistry) -> bytes:
    return generate_latest(REGISTRY) + generate_latest(figures)


async def openapi(_request: web.Request, context: Context) -> web.StreamResponse:
    """The OpenAPI document."""
    return web.Response(body=context.openapi, content_type="application/json")
