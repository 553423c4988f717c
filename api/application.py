"""The application: routes of the table, one middleware for what no route answers, and its own life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from kinelog.api.authentication import Authentication
from kinelog.api.context import CONTEXT, Context
from kinelog.api.cursors import Cursors
from kinelog.api.endpoint import endpoint, problem_of
from kinelog.api.fit_metrics import FitCollector
from kinelog.api.json_body import encode_json
from kinelog.api.lifecycle import Lifecycle
from kinelog.api.live_feeds import LiveFeeds
from kinelog.api.metrics import LagCollector, Meters
from kinelog.api.model_shelf import ModelShelf
from kinelog.api.observing import observing
from kinelog.api.openapi import openapi_document
from kinelog.api.page_wiring import page_sources
from kinelog.api.pages import add_pages
from kinelog.api.pairing_tries import PairingTries
from kinelog.api.problems import problem_response
from kinelog.api.route_table import ROUTES
from kinelog.api.services import Services
from kinelog.api.view_positions import ViewPositions
from kinelog.projections.lag import LagWatch
from prometheus_client import CollectorRegistry


def create_app(services: Services) -> web.Application:
    """The application over these services, which it uses and does not close.

    Stopping: `runner.cleanup()` stops accepting, ends the live streams, waits for requests in flight. The region is
    stopped after that, by whoever started it.
    """
    settings = services.settings
    context = _context(services)
    app = web.Application(
        middlewares=[*observing(settings), answer_problems],
        client_max_size=settings.json_body_bytes,
        handler_args={
            # Bodies are decompressed by us, under a cap: see request_body.
            "auto_decompress": False,
            # What is longer is refused by the server itself, without a problem document; up to here it is our answer.
            "max_line_size": settings.request_line_bytes,
            "keepalive_timeout": settings.keepalive_s,
            "lingering_time": settings.lingering_s,
        },
    )
    app[CONTEXT] = context
    for route in ROUTES:
        app.router.add_route(route.method, route.path, endpoint(route, context), name=route.operation)
        if route.method == hdrs.METH_GET:
            head = replace(route, method=hdrs.METH_HEAD)  # counted apart: answers without a body say nothing of others
            app.router.add_route(hdrs.METH_HEAD, route.path, endpoint(head, context))
    add_pages(app, page_sources(context))
    app.on_shutdown.append(_begin_stopping)
    app.cleanup_ctx.append(_life)
    return app


def _context(services: Services) -> Context:
    settings, read_side, journal = services.settings, services.read_side, services.journal
    meters = Meters()
    figures = CollectorRegistry()
    figures.register(meters)
    figures.register(
        LagCollector(
            lambda: {shard: journal.head(shard) for shard in range(journal.shards)},
            read_side.as_of,
            LagWatch(services.clock_ms),
        )
    )
    figures.register(FitCollector(lambda: services.models.runs(limit=1), services.clock_ms))
    return Context(
        services=services,
        authentication=Authentication(services.region, services),
        cursors=Cursors(services.cursor_key),
        lifecycle=Lifecycle(),
        meters=meters,
        readers=ThreadPoolExecutor(settings.reader_threads, "kinelog-reader"),
        views=ViewPositions(read_side.as_of, settings.read_poll_s, settings.read_wait_s),
        shelf=ModelShelf(services.models, settings.model_ttl_s),
        feeds=LiveFeeds(read_side, settings.live_poll_s, settings.live_buffer),
        pairing_tries=PairingTries(settings.wrong_codes_of_network, settings.wrong_codes_of_tenant),
        figures=figures,
        openapi=encode_json(openapi_document()),
    )


async def _begin_stopping(app: web.Application) -> None:
    app[CONTEXT].lifecycle.begin_stopping()


async def _life(app: web.Application) -> AsyncIterator[None]:
    yield
    context = app[CONTEXT]
    await context.feeds.close()
    context.readers.shutdown(wait=False)


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what no route of the table did: unknown paths, wrong methods, defects of pages."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem_response(request, problem_of(request, error))
    except Exception as error:  # noqa: BLE001 - the last place where a defect can become an answer
        return problem_response(request, problem_of(request, error))
