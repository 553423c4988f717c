"""Bodies of requests, read under caps on size (compressed and decompressed) and time.

The server is told not to decompress (`auto_decompress=False`): its own decompression has no cap while a body is
streamed, and an encoding that it does not know would come through raw.
"""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import web
from kinelog.api.problems import ProblemError, ProblemPart

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_CODINGS = {"gzip", "x-gzip", "deflate"}


async def read_body(request: web.Request, cap: int, timeout_s: float, decompressed_cap: int | None = None) -> bytes:
    """Read a whole body.

    Args:
        request: Whose body.
        cap: Most bytes as sent.
        timeout_s: It must be complete within this time.
        decompressed_cap: Most bytes after decompression; None: as `cap`.

    Raises:
        ProblemError: `body-too-large`, `body-timeout`, `unsupported-content-encoding`, `bad-content-encoding`.
    """
    headers = request.headers
    coding = headers.get("Content-Encoding")
    if coding is not None:
        coding = _coding(coding)
    declared = request.content_length
    if declared is not None and declared > cap:
        raise _too_large(cap)
    content = request.content
    if content.is_eof():  # small bodies come in one piece with their headers: no timer, no task switch
        raw = content.read_nowait()
        if len(raw) > cap:
            raise _too_large(cap)
    else:
        raw = await _read_slowly(request, cap, timeout_s)
    if coding is None:
        return raw
    return _decompress(raw, coding, cap if decompressed_cap is None else decompressed_cap)


async def _read_slowly(request: web.Request, cap: int, timeout_s: float) -> bytes:
    content = request.content
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            while chunk := await content.readany():
                body += chunk
                if len(body) > cap:
                    raise _too_large(cap)
    except TimeoutError as error:
        detail = f"The body was not complete after {timeout_s:g} s."
        raise ProblemError("body-timeout", detail, retry_after_s=1, close=True) from error
    except web.RequestPayloadError as error:
        raise ProblemError("bad-request", "The body's framing is broken.", close=True) from error
    return bytes(body)


def _coding(header: str) -> str | None:
    coding = header.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in _CODINGS:
        problem = ProblemError("unsupported-content-encoding", "Send gzip, deflate or no encoding.")
        problem.headers["Accept-Encoding"] = "gzip, deflate"
        raise problem
    return coding


def _decompress(raw: bytes, coding: str, cap: int) -> bytes:
    """Decompress with a cap, so that a bomb costs no more than what is allowed."""
    window = _GZIP_WINDOW if coding != "deflate" else _deflate_window(raw)
    decompressor = zlib.decompressobj(window)
    try:
        body = decompressor.decompress(raw, cap + 1)
    except zlib.error as error:
        raise ProblemError("bad-content-encoding", f"The body does not decompress as {coding}.") from error
    if len(body) > cap:
        raise _too_large(cap, "decompressed")
    if not decompressor.eof or decompressor.unused_data:
        what = "ends early" if not decompressor.eof else "has bytes behind its end"
        offset = len(raw) - len(decompressor.unused_data)
        detail = f"The {coding} stream {what}."
        raise ProblemError("bad-content-encoding", detail, part=ProblemPart(detail, offset=offset))
    return body


def _deflate_window(raw: bytes) -> int:
    # HTTP's deflate is a zlib stream; some senders leave the zlib header out, which a well-formed header rules out.
    zlib_header = len(raw) >= 2 and raw[0] & 0x0F == 8 and int.from_bytes(raw[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS


def _too_large(cap: int, what: str = "received") -> ProblemError:
    # Closing: the rest of the body is on its way and would be taken for the next request's time.
    return ProblemError("body-too-large", f"At most {cap} bytes ({what}).", close=True)
