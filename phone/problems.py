"""Why a request did not succeed: a tree of errors that callers can tell apart."""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """A refusal as the service words it (RFC 9457), reduced to what a phone acts on.

    Attributes:
        type: URI whose last segment is the stable name of the case (`…/session-not-started`).
        missing: Ranges of frames that never came, by device, each `[first, last]`; only with `frames-missing`.
    """

    type: str = "about:blank"
    title: str = ""
    detail: str | None = None
    status: int = 0
    request_id: str | None = None
    missing: dict[str, list[tuple[int, int]]] | None = None

    @property
    def code(self) -> str:
        """Stable name of the case: the last segment of the type."""
        return self.type.rstrip("/").rpartition("/")[2]


class PhoneError(Exception):
    """Base of everything that the client raises."""


class ServiceUnavailableError(PhoneError):
    """The service did not answer, or asked to come back later, until patience ran out."""


class UnexpectedAnswerError(PhoneError):
    """The service answered something that is not in the interface."""


class RefusedError(PhoneError):
    """The service refused a request, and repeating it will not help.

    Attributes:
        status: HTTP status.
        problem: What the service said.
    """

    def __init__(self, status: int, problem: Problem) -> None:
        """Remember the status and the problem."""
        super().__init__(f"{status} {problem.code}: {problem.detail or problem.title}")
        self.status = status
        self.problem = problem

    @property
    def code(self) -> str:
        """Stable name of the case."""
        return self.problem.code


class NotAllowedError(RefusedError):
    """The token is not known, or may not do this (401, 403)."""


class NotFoundError(RefusedError):
    """There is no such thing (404)."""


class ConflictError(RefusedError):
    """What is stored says otherwise (409)."""


class FramesMissingError(ConflictError):
    """A session cannot end yet: the service says which frames it has not seen."""

    @property
    def missing(self) -> dict[str, list[tuple[int, int]]]:
        """Ranges of missing sequence numbers by device, both ends included."""
        return self.problem.missing or {}


class UnusableError(RefusedError):
    """The body could not be used: undecodable, of a wrong shape or too large (400, 413, 415, 422)."""


_BY_STATUS: dict[int, type[RefusedError]] = {
    400: UnusableError,
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    413: UnusableError,
    415: UnusableError,
    422: UnusableError,
}


def problem_of(body: bytes, status: int) -> Problem:
    """Read a problem document; a body that is none becomes a problem that quotes its first bytes."""
    try:
        return msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Problem(title=body[:200].decode(errors="replace"), status=status)


def refusal(status: int, problem: Problem) -> RefusedError:
    """Choose the error that fits."""
    if problem.code == "frames-missing":
        return FramesMissingError(status, problem)
    return _BY_STATUS.get(status, RefusedError)(status, problem)
