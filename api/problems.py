"""Problem documents (RFC 9457): the one form in which the interface says no."""

from __future__ import annotations

import logging
import math
import re
import secrets

import msgspec
from aiohttp import web
from kinelog.api.problem_catalogue import ProblemKind, kind_of
from kinelog.observability.redaction import redacted
from kinelog.observability.request_context import CURRENT
from multidict import CIMultiDict

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-Id"

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ENCODER = msgspec.json.Encoder()
_CODE_OF_STATUS = {
    400: "bad-request", 401: "unauthenticated", 403: "forbidden", 404: "not-found", 405: "method-not-allowed",
    408: "body-timeout", 413: "body-too-large", 415: "unsupported-media-type", 417: "expectation-failed",
    429: "busy", 503: "unavailable",
}  # fmt: skip


class ProblemPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong.

    Attributes:
        detail: What is wrong there.
        pointer: JSON pointer into the body.
        offset: Byte offset into the body or frame.
        parameter: Name of the path or query parameter.
    """

    detail: str
    pointer: str | None = None
    offset: int | None = None
    parameter: str | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A problem document. Some problems carry further members, named where they are described.

    Attributes:
        type: URI reference; its last segment is the stable code.
        status: The HTTP status.
        request_id: Quote it when you ask somebody about it; the log has it too.
        retryable: The same request may succeed later.
        missing: Frames that never came, by device, as `[first, last]` (with `frames-missing`).
    """

    type: str
    title: str
    status: int
    request_id: str
    detail: str | None = None
    retryable: bool = False
    errors: tuple[ProblemPart, ...] = ()
    missing: dict[str, tuple[tuple[int, int], ...]] | None = None


class ProblemError(Exception):
    """Raised anywhere in a handler; becomes the answer."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        part: ProblemPart | None = None,
        retry_after_s: float | None = None,
        extra: dict[str, object] | None = None,
        close: bool = False,
    ) -> None:
        """Say what is wrong.

        Args:
            code: A code of the catalogue.
            detail: One sentence about this case.
            part: Where it is wrong.
            retry_after_s: When to come back.
            extra: Further members of the document.
            close: Close the connection: what follows on it is not a request.
        """
        super().__init__(code, detail)
        self.kind: ProblemKind = kind_of(code)
        self.detail = detail
        self.part = part
        self.retry_after_s = retry_after_s
        self.extra = extra
        self.close = close
        self.headers: dict[str, str] = {}


def invalid_parameter(name: str, detail: str) -> ProblemError:
    """The problem of a path or query parameter."""
    return ProblemError("invalid-parameter", detail, part=ProblemPart(detail, parameter=name))


def request_id_of(request: web.BaseRequest) -> str:
    """The caller's id of the request where it is harmless, else one made now; what the log's lines of it say."""
    current = CURRENT.get()
    if current is not None:
        return current.request
    given = request.headers.get(REQUEST_ID_HEADER)
    if given is not None and _ACCEPTABLE_ID.fullmatch(given) is not None and redacted(given) == given:
        return given
    return secrets.token_hex(8)


def problem_response(request: web.BaseRequest, problem: ProblemError) -> web.Response:
    """The answer that a problem becomes."""
    kind = problem.kind
    request_id = problem.headers.get(REQUEST_ID_HEADER) or request_id_of(request)
    members: dict[str, object] = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "request_id": request_id,
    }
    if problem.detail is not None:
        members["detail"] = problem.detail
    if kind.retryable:
        members["retryable"] = True
    if problem.part is not None:
        members["errors"] = (problem.part,)
    for name, value in (problem.extra or {}).items():
        members.setdefault(name, value)
    headers: CIMultiDict[str] = CIMultiDict(problem.headers)
    headers[REQUEST_ID_HEADER] = request_id
    if kind.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="kinelog", error="invalid_token"'
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after_s)))
    body = _ENCODER.encode(members)
    response = web.Response(body=body, status=kind.status, headers=headers, content_type=CONTENT_TYPE)
    if problem.close:
        response.force_close()
    return response


def problem_of_http_exception(error: web.HTTPException) -> ProblemError:
    """The problem that an exception of aiohttp's stands for."""
    problem = ProblemError(_CODE_OF_STATUS.get(error.status, "bad-request" if error.status < 500 else "internal"))
    retry_after = error.headers.get("Retry-After", "")
    if problem.kind.status in (429, 503):
        problem.retry_after_s = float(retry_after) if retry_after.isdecimal() else 1.0
    if isinstance(error, web.HTTPMethodNotAllowed):
        problem.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return problem


def problem_of_defect(request: web.Request, error: Exception) -> ProblemError:
    """Log an error nobody foresaw, with its trace and the request's id; say nothing about it outside."""
    request_id = request_id_of(request)
    canonical = request.match_info.route.resource.canonical if request.match_info.route.resource else "unmatched"
    logger.error("request %s to %s %s failed", request_id, request.method, canonical, exc_info=error)
    problem = ProblemError("internal", "It was logged under this request id.")
    problem.headers[REQUEST_ID_HEADER] = request_id
    return problem
