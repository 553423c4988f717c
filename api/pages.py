"""The operator's pages: routes, and what is the same for all of them."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from kinelog.api import page_gym, page_session, page_sign_in
from kinelog.api.page_assets import ASSETS, Assets, static
from kinelog.api.page_cookie import COOKIE_NAME
from kinelog.api.page_rendering import TEMPLATES, page, templates
from kinelog.api.page_sources import OPERATOR, SOURCES, PageSources
from kinelog.projections.errors import ViewsUnavailableError

PAGE = "page:"
"""Names of the pages' routes start with this."""
LIVE_ROUTE = "/v1/gyms/{gym}/live"

ADVICE = {
    400: "Check the address, or go back and follow the link again.",
    404: "It may have been deleted, or the address is mistyped.",
    429: "The service is busy. Wait a moment and load the page again.",
    503: "The service cannot answer at the moment. Nothing is lost: this page loads itself again.",
}


def add_pages(app: web.Application, sources: PageSources) -> None:
    """Add the pages to the application.

    The middleware is added last and so runs innermost: what it does not know, it leaves to those of the API.
    """
    assets = Assets()
    app[SOURCES], app[ASSETS], app[TEMPLATES] = sources, assets, templates(assets)
    router = app.router
    router.add_get("/", page_gym.gyms, name=f"{PAGE}gyms")
    router.add_get("/sign-in", page_sign_in.form, name=f"{PAGE}entrance")
    router.add_post("/sign-in", page_sign_in.sign_in)
    router.add_post("/sign-out", page_sign_in.sign_out, name=f"{PAGE}exit")
    router.add_get("/gyms/{gym}", page_gym.gym, name=f"{PAGE}gym")
    router.add_get("/gyms/{gym}/now", page_gym.now, name=f"{PAGE}gym-now")
    router.add_get("/sessions/{session}", page_session.session, name=f"{PAGE}session")
    router.add_get("/pages/sessions/{session}/trace.json", page_session.trace, name=f"{PAGE}trace")
    router.add_get("/static/{name}", static, name="page-asset")
    app.middlewares.append(frame_pages)

    async def warm(_: web.Application) -> None:
        await asyncio.to_thread(assets.warm)

    app.on_startup.append(warm)


@web.middleware
async def frame_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who is signed in, and show what goes wrong on a page as a page."""
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical == LIVE_ROUTE:
        return await handler(await _with_token_of_cookie(request))
    is_page = resource is not None and (resource.name or "").startswith(PAGE)
    # A path nobody knows, outside the API's own: somebody mistyped the address of a page.
    is_nowhere = resource is None and not request.path.startswith("/v1/")
    if not (is_page or is_nowhere):
        return await handler(request)
    try:
        operator = await page_sign_in.operator_of(request)
        if operator is not None:
            request[OPERATOR] = operator
        return await handler(request)
    except ViewsUnavailableError as error:
        unavailable = web.HTTPServiceUnavailable(headers={"Retry-After": "2"})
        if not _wants_html(request):
            raise unavailable from error
        return _error_page(request, unavailable)
    except web.HTTPException as problem:
        if problem.status < 400 or not _wants_html(request):
            raise
        return _error_page(request, problem)


def _wants_html(request: web.Request) -> bool:
    """Whether a person is looking, and not a script."""
    return "text/html" in request.headers.get("Accept", "")


def _error_page(request: web.Request, problem: web.HTTPException) -> web.Response:
    phrase = HTTPStatus(problem.status).phrase
    response = page(
        request, "error.html", status=problem.status, operator=request.get(OPERATOR), phrase=phrase,
        reason=problem.reason if problem.reason != phrase else None, advice=ADVICE.get(problem.status),
        # Loading again repeats no form: the pages' forms answer with redirects or themselves.
        again_s=problem.headers.get("Retry-After") if request.method == "GET" else None,
    )  # fmt: skip
    for name in ("Retry-After", "Allow"):
        if name in problem.headers:
            response.headers[name] = problem.headers[name]
    return response


async def _with_token_of_cookie(request: web.Request) -> web.Request:
    """The request for live events, with the signed-in operator's token: a page's EventSource can send no header.

    Only that route and only reading: everything else of the API keeps asking for the token itself, so that no cookie
    can ever change anything.
    """
    if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD) or "Authorization" in request.headers:
        return request
    cookie = request.app[SOURCES].cookie.open(request.cookies.get(COOKIE_NAME))
    if cookie is None or await page_sign_in.operator_of(request) is None:
        return request
    headers = request.headers.copy()
    headers["Authorization"] = f"Bearer {cookie.token}"
    return request.clone(headers=headers)
