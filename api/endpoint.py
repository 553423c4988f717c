"""From a route to an aiohttp handler: authenticate, authorise, answer, count; no error leaves but as a problem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter

from aiohttp import web
from kinelog.api.call import Call
from kinelog.api.context import Context
from kinelog.api.observing import is_observed
from kinelog.api.problems import (
    ProblemError,
    problem_of_defect,
    problem_of_http_exception,
    problem_response,
)
from kinelog.api.route import Route
from kinelog.journal.errors import StorageFullError, UnavailableError
from kinelog.observability.request_context import CURRENT
from kinelog.privacy.errors import ErasedPersonError, KeyStoreUnavailableError, UnknownPersonError
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.registry.errors import RegistryUnavailableError
from kinelog.webhooks.errors import ProgressUnavailableError

_NOT_NOW = (
    ViewsUnavailableError, UnavailableError, StorageFullError, KeyStoreUnavailableError, RegistryUnavailableError,
    ProgressUnavailableError,
)  # fmt: skip

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def endpoint(route: Route, context: Context) -> WebHandler:
    """The aiohttp handler of a route.

    Everything that is the same for all requests of the route is looked up here, once: this is the hot path.
    """
    answer = _authorised(route, context) if route.handler is not None else _open(route, context)
    meter = context.meters.of_route(route.method, route.path)

    async def handle(request: web.Request) -> web.StreamResponse:
        started = perf_counter()
        meter.in_flight += 1
        status = 499  # what is counted when the client went away and the handler was cancelled
        try:
            response = await answer(request)
            status = response.status
        except Exception as error:  # noqa: BLE001 - the last place where a defect can become an answer
            response = problem_response(request, problem_of(request, error))
            status = response.status
        finally:
            meter.in_flight -= 1
            meter.count(status, perf_counter() - started)
        if context.lifecycle.is_stopping and not response.prepared:
            response.force_close()  # so that the next request goes elsewhere, before nobody is here any more
        return response

    return handle


def problem_of(request: web.Request, error: Exception) -> ProblemError:
    """The problem that an exception becomes; what nobody foresaw is logged."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, web.HTTPException):
        return problem_of_http_exception(error)
    if isinstance(error, ErasedPersonError | UnknownPersonError):
        return ProblemError("user-erased", "Nothing of this person can be read or written any more.")
    if isinstance(error, _NOT_NOW):
        return ProblemError("unavailable", "The store does not answer.", retry_after_s=1)
    return problem_of_defect(request, error)


def _authorised(route: Route, context: Context) -> WebHandler:
    handler, permission = route.handler, route.permission
    if handler is None or permission is None:
        message = f"{route.operation} must say who is allowed"
        raise ValueError(message)
    roles = permission.roles
    clock_ms = context.services.clock_ms
    remembered = context.authentication.remembered
    verify = context.authentication.principal_of
    named = is_observed(context.services.settings)

    async def answer(request: web.Request) -> web.StreamResponse:
        now_ms = clock_ms()
        header = request.headers.get("Authorization")
        principal = remembered(header, now_ms) if header is not None else None
        if principal is None:
            principal = await verify(header, now_ms)
        if named and (current := CURRENT.get()) is not None:
            current.tenant = principal.tenant
        if principal.role not in roles:
            raise ProblemError("forbidden")
        return await handler(Call(request, context, principal, now_ms))

    return answer


def _open(route: Route, context: Context) -> WebHandler:
    handler = route.open_handler
    if handler is None:
        message = f"{route.operation} has no handler"
        raise ValueError(message)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await handler(request, context)

    return answer
