"""Turns what a page knows into HTML, with the headers that every page carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import jinja2
from aiohttp import web
from kinelog.api import page_times, page_words
from kinelog.api.page_assets import ASSETS, Assets

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with it browsers send `Origin: null` with a form, and the check of the origin could not work.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def templates(assets: Assets) -> jinja2.Environment:
    """The templates: everything is escaped, and a name that is missing is an error instead of nothing."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kinelog.api", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.url
    environment.globals["assets"] = assets
    for function in (
        page_times.clock,
        page_times.moment,
        page_times.machine_time,
        page_times.duration,
        page_words.status,
        page_words.ranges,
        page_words.reason,
        page_words.missing,
        page_words.count,
        page_words.number,
        page_words.exercise,
        page_words.value_of,
    ):
        environment.globals[function.__name__] = function
    return environment


TEMPLATES = web.AppKey("page_templates", jinja2.Environment)


def page(request: web.Request, template: str, status: int = 200, **known: object) -> web.Response:
    """A page made of a template."""
    html = request.app[TEMPLATES].get_template(template).render(**known)
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8", headers=PAGE_HEADERS)


__all__ = ["ASSETS", "PAGE_HEADERS", "TEMPLATES", "page", "templates"]
