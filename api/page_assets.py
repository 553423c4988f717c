"""Files the pages need: our own style and scripts, and plotly.js out of the installed `plotly` package."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web
from kinelog.api.entity_tags import has_it

CONTENT_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
OURS: Final = ("site.css", "sign_in.js", "gym.js", "trace.js", "icon.svg")
PLOTLY: Final = "plotly.min.js"
STYLE_WANTED: Final = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')
A_YEAR_S: Final = 31_536_000


@dataclass(frozen=True)
class Asset:
    """A file that never changes while the process runs."""

    name: str
    source: Traversable

    @cached_property
    def plain(self) -> bytes:
        """The bytes of the file."""
        return self.source.read_bytes()

    @cached_property
    def packed(self) -> bytes:
        """The same, gzipped once (half a second for plotly.js): callers keep it off the event loop."""
        return gzip.compress(self.plain, compresslevel=9, mtime=0)

    @cached_property
    def version(self) -> str:
        """Changes when the file does."""
        return hashlib.sha256(self.plain).hexdigest()[:16]

    @property
    def content_type(self) -> str:
        """By the name's ending."""
        return CONTENT_TYPES[self.name[self.name.rindex(".") :]]


class Assets:
    """All files, by name."""

    def __init__(self) -> None:
        static = files("kinelog.api") / "static"
        found = {name: Asset(name, static / name) for name in OURS}
        found[PLOTLY] = Asset(PLOTLY, files("plotly") / "package_data" / PLOTLY)
        self.by_name: Final = found

    def url(self, name: str) -> str:
        """Where the file is served; the address changes with the content, so that it may be kept for ever."""
        return f"/static/{name}?v={self.by_name[name].version}"

    def warm(self) -> None:
        """Read what every page needs to know of the files; blocking."""
        for asset in self.by_name.values():
            _ = asset.version
        _ = self.plotly_style_ids

    @cached_property
    def plotly_style_ids(self) -> list[str]:
        """Ids of style elements that plotly.js would make for its maps; it makes none where the page has the id.

        The policy of our pages forbids styles made by scripts, and we draw no map.
        """
        return sorted({found.decode() for found in STYLE_WANTED.findall(self.by_name[PLOTLY].plain)})


ASSETS = web.AppKey("page_assets", Assets)


async def static(request: web.Request) -> web.StreamResponse:
    """`GET /static/{name}`: gzipped where the browser takes it, with a strong ETag for each coding."""
    asset = request.app[ASSETS].by_name.get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    packed = "gzip" in request.headers.get("Accept-Encoding", "").lower()
    etag = f"{asset.version}-gz" if packed else asset.version
    current = request.query.get("v") == asset.version
    headers = {
        "Cache-Control": f"public, max-age={A_YEAR_S}, immutable" if current else "no-cache",
        "Vary": "Accept-Encoding",
        "ETag": f'"{etag}"',
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if has_it(request, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    body = await asyncio.to_thread(lambda: asset.packed if packed else asset.plain)
    return web.Response(body=body, headers=headers, content_type=asset.content_type, charset="utf-8")
