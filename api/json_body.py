"""JSON in and out: decoding into typed requests with exact complaints, encoding of answers."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from kinelog.api.problems import ProblemError, ProblemPart
from kinelog.api.request_body import read_body
from kinelog.api.settings import ApiSettings

T = TypeVar("T")

JSON = "application/json"

_ENCODER = msgspec.json.Encoder()
_BYTE_OF_MESSAGE = re.compile(r"\(byte (\d+)\)")
_PATH_OF_MESSAGE = re.compile(r" - at `(?:key in )?\$([^`]*)`")
_PATH_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {}  # by the shape's name: one for each body of the route table


def _decoder(shape: type[T]) -> msgspec.json.Decoder[T]:
    name = repr(shape)
    decoder = _DECODERS.get(name)
    if decoder is None:
        decoder = _DECODERS[name] = msgspec.json.Decoder(shape)
    return decoder


async def read_json(request: web.Request, shape: type[T], settings: ApiSettings, empty: bytes = b"") -> T:
    """Read a JSON body of this shape; `empty` stands for an empty one.

    Raises:
        ProblemError: `unsupported-media-type`, `invalid-json` (with the byte), `invalid-body` (with the pointer), or
            what `read_body` raises.
    """
    media = request.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    if media != JSON and not (media.startswith("application/") and media.endswith("+json")):
        raise ProblemError("unsupported-media-type", f"Send {JSON}.")
    body = await read_body(request, settings.json_body_bytes, settings.body_timeout_s)
    return decode_json(body or empty, shape)


def decode_json(body: bytes, shape: type[T]) -> T:
    """Decode JSON of this shape.

    Raises:
        ProblemError: `invalid-json` or `invalid-body`.
    """
    try:
        return _decoder(shape).decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error
    except msgspec.DecodeError as error:
        byte = _BYTE_OF_MESSAGE.search(str(error))
        offset = int(byte.group(1)) if byte else len(body)
        part = ProblemPart(str(error), offset=offset)
        raise ProblemError("invalid-json", "The body is not JSON.", part=part) from error
    except (RecursionError, UnicodeDecodeError) as error:  # StackError is a RecursionError: nesting without end
        raise ProblemError("invalid-json", "The body is nested too deeply or is not UTF-8.") from error


def encode_json(value: object) -> bytes:
    """JSON of a value."""
    return _ENCODER.encode(value)


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """An answer of JSON."""
    return web.Response(body=_ENCODER.encode(value), status=status, headers=headers, content_type=JSON)


def _invalid(message: str) -> ProblemError:
    path = _PATH_OF_MESSAGE.search(message)
    detail = _PATH_OF_MESSAGE.sub("", message)
    pointer = _pointer(path.group(1)) if path else ""
    return ProblemError("invalid-body", detail, part=ProblemPart(detail, pointer=pointer))


def _pointer(path: str) -> str:
    """A JSON pointer of a msgspec path (`.labels[2].start_ms`)."""
    # A step `...` stands for some key of a map, which msgspec does not name: the pointer ends at the map.
    steps = takewhile(lambda step: step != "...", (name or index for name, index in _PATH_STEP.findall(path)))
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
