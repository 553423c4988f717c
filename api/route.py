"""What a route is: everything that serving it and describing it take, in one value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from kinelog.api.authorization import Permission
from kinelog.api.call import Call
from kinelog.api.context import Context
from kinelog.api.parameters import Parameter

Handler = Callable[[Call], Awaitable[web.StreamResponse]]
OpenHandler = Callable[[web.Request, Context], Awaitable[web.StreamResponse]]
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Body:
    """A request body.

    Attributes:
        shape: Type of the JSON, or None for bytes.
        media: Media types that are taken.
        required: Whether there must be one.
    """

    shape: Any = None  # a msgspec struct or a union of such: there is no narrower type for both
    media: tuple[str, ...] = (JSON,)
    required: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """One successful answer.

    Attributes:
        shape: Type of the JSON, a tuple of types that it may be one of, or None for another media type.
        headers: Names of headers it carries, and what they say.
    """

    status: int
    description: str
    shape: Any = None  # as in Body
    media: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)


HAVE_IT = Answered(304, "The caller has it.", media=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation.

    Attributes:
        path: Template, as in OpenAPI.
        operation: Its unique name.
        handler: Answers those who have `permission`.
        open_handler: Answers everybody (`permission` is None then).
        problems: Codes of the problems that are particular to it.
    """

    method: str
    path: str
    operation: str
    summary: str
    tag: str
    answers: tuple[Answered, ...]
    permission: Permission | None = None
    handler: Handler | None = None
    open_handler: OpenHandler | None = None
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    problems: tuple[str, ...] = ()
