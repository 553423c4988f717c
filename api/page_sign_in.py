"""Signing in and out of the operator's pages."""

from __future__ import annotations

import logging
from urllib.parse import quote, urlsplit

from aiohttp import web
from kinelog.api.page_cookie import COOKIE_NAME, LIFETIME_MS
from kinelog.api.page_rendering import page
from kinelog.api.page_sources import OPERATOR, SOURCES, Operator

MAX_FORM_BYTES = 8192
MAX_TOKEN_CHARACTERS = 512

log = logging.getLogger(__name__)


async def operator_of(request: web.Request) -> Operator | None:
    """Who is signed in; both tokens are checked again at every request."""
    sources = request.app[SOURCES]
    cookie = sources.cookie.open(request.cookies.get(COOKIE_NAME))
    bearer = None if cookie is None else await sources.operator_of(cookie.token)
    if cookie is None or bearer is None:
        return None
    return await sources.signed_in_with(bearer, cookie.signed_in_with)


def signed_in(request: web.Request) -> Operator:
    """Who asks for the page.

    Raises:
        web.HTTPSeeOther: Nobody: to the sign-in form, and back here afterwards.
    """
    operator: Operator | None = request.get(OPERATOR)
    if operator is None:
        raise web.HTTPSeeOther(f"/sign-in?next={quote(request.path_qs, safe='')}")
    return operator


async def form(request: web.Request) -> web.Response:
    """`GET /sign-in`: the form, also for those who are signed in already.

    A redirect would carry the `#token=` of a sign-in link on to the next page's address.
    """
    return page(request, "sign_in.html", next=_inside(request.query.get("next")), problem=None)


async def sign_in(request: web.Request) -> web.Response:
    """`POST /sign-in`: the token of the form, checked, becomes a cookie."""
    refuse_other_origins(request)
    fields = await _fields(request)
    token, then = fields.get("token", "").strip(), _inside(fields.get("next"))
    sources = request.app[SOURCES]
    operator = await sources.operator_of(token) if 0 < len(token) <= MAX_TOKEN_CHARACTERS else None
    if operator is None:
        problem = "This is no valid operator token. It may be mistyped, revoked or expired, or belong to a device."
        return page(request, "sign_in.html", status=403, next=then, problem=problem)
    log.info("signed in to the pages: tenant %s, token id %s", operator.tenant, operator.token_id)
    response = web.Response(status=303, headers={"Location": then, "Cache-Control": "no-store"})
    response.set_cookie(
        COOKIE_NAME,
        sources.cookie.seal(await sources.sign_in(operator), operator.token_id),
        max_age=LIFETIME_MS // 1000,
        httponly=True,
        samesite="Strict",
        secure=_is_https(request),
        path="/",
    )
    return response


async def sign_out(request: web.Request) -> web.Response:
    """`POST /sign-out`."""
    refuse_other_origins(request)
    sources = request.app[SOURCES]
    cookie = sources.cookie.open(request.cookies.get(COOKIE_NAME))
    if cookie is not None:
        await sources.sign_out(cookie.token)  # where this cannot be done now, the cookie stays, to be tried again
    response = web.Response(status=303, headers={"Location": "/sign-in", "Cache-Control": "no-store"})
    response.del_cookie(COOKIE_NAME, path="/", httponly=True, samesite="Strict", secure=_is_https(request))
    return response


def refuse_other_origins(request: web.Request) -> None:
    """Let a form through only if a page of ours sent it.

    Raises:
        web.HTTPForbidden: It came from elsewhere, or does not say where it came from.
    """
    origin = request.headers.get("Origin")
    # The scheme is not compared: a proxy that ends TLS makes it differ. The host, port included, must be the same.
    if origin is not None and urlsplit(origin).netloc == request.host:
        return
    if origin is None and request.headers.get("Sec-Fetch-Site") == "same-origin":
        return
    raise web.HTTPForbidden(
        reason="The form was not sent by a page of this service; open its sign-in page and try again"
    )


async def _fields(request: web.Request) -> dict[str, str]:
    """The form's text fields, of a bounded body."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType
    if request.content_length is None or request.content_length > MAX_FORM_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_FORM_BYTES, request.content_length or 0)
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _inside(path: str | None) -> str:
    """A path of this service, or the first page: nobody can be sent elsewhere by a link to the form."""
    if path is None or not path.startswith("/") or path[1:2] in ("/", "\\"):
        return "/"
    if not (path.isascii() and path.isprintable()):
        return "/"
    return path


def _is_https(request: web.Request) -> bool:
    """Whether the browser speaks TLS, here or with a proxy in front. Forging the header only makes it stricter."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
