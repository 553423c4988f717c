"""What people asked to see of each request: a span, a line of the access log, its id on every line about it.

Nothing of what was sent is in any of it: the route's template and not the path, no query, no header, no body.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from time import perf_counter

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from kinelog.api.problems import request_id_of
from kinelog.api.settings import ApiSettings
from kinelog.observability import tracing
from kinelog.observability.access_log import ACCESS_LOGGER
from kinelog.observability.request_context import CURRENT, RequestContext
from kinelog.observability.tracing import Span, Tracer

TRACE_ID = slice(3, 35)
UNMATCHED = "unmatched"
CLIENT_GONE = 499
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_ACCESS = logging.getLogger(ACCESS_LOGGER)


def is_observed(settings: ApiSettings) -> bool:
    """Whether anything is to be seen of each request; once, when the application is made."""
    return settings.access_log or settings.named_requests or tracing.active() is not None


def observing(settings: ApiSettings) -> list[Middleware]:
    """What to put around all handlers: nothing, where nobody asked for anything."""
    return [_observer(tracing.active(), access_log=settings.access_log)] if is_observed(settings) else []


def _observer(tracer: Tracer | None, *, access_log: bool) -> Middleware:
    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = perf_counter()
        current = RequestContext(request_id_of(request))
        token = CURRENT.set(current)
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else UNMATCHED
        method = request.method if request.method in METHODS else "OTHER"
        status = CLIENT_GONE
        span = None if tracer is None else tracer.request(f"{method} {route}", request.headers.get("traceparent"))
        if span is not None:
            current.trace = span.traceparent[TRACE_ID]
        try:
            with nullcontext() if span is None else span.within():
                response = await handler(request)
            status = response.status
        except web.HTTPException as leaving:
            status = leaving.status
            raise
        finally:
            if span is not None:
                _end(span, current, method, route, status)
            if access_log:
                _tell(method, route, status, (perf_counter() - started) * 1000)
            CURRENT.reset(token)
        return response

    return observe


def _end(span: Span, current: RequestContext, method: str, route: str, status: int) -> None:
    span.note(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "kinelog.request": current.request,
            "kinelog.tenant": current.tenant,
        }
    )
    if status >= 500:
        span.failed(str(status))
    span.end()


def _tell(method: str, route: str, status: int, milliseconds: float) -> None:
    fields = {"method": method, "route": route, "status": status, "ms": round(milliseconds, 1)}
    _ACCESS.info("%s %s %d in %.1f ms", method, route, status, milliseconds, extra=fields)
