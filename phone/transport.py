"""One HTTP exchange with the service, repeated until it is answered or patience runs out.

Repeating is safe because the interface makes it so: a frame, a session and a label carry a name that the phone made, so
the second arrival of the same request changes nothing. What is not so named (redeeming a code, refreshing a token) is
marked `repeatable=False` and is never sent twice after a connection was lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time

import aiohttp
import msgspec
import numpy as np
from kinelog.phone.problems import Problem, ServiceUnavailableError, UnexpectedAnswerError, problem_of, refusal
from multidict import CIMultiDictProxy

logger = logging.getLogger(__name__)

LATER_STATUSES = frozenset({408, 429, 502, 503, 504})
NOT_STARTED = "session-not-started"
NOT_MODIFIED = 304
_PIECE_BYTES = 1 << 16
_LOST = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.TimeoutError)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often to try.

    Attributes:
        first_delay_s: Longest wait before the second attempt; it doubles from there.
        longest_delay_s: Bound of a wait, unless the service asks for more.
        give_up_after_s: Time from the first attempt after which none is begun.
        attempt_s: Bound of one attempt.
    """

    first_delay_s: float = 0.2
    longest_delay_s: float = 5.0
    give_up_after_s: float = 60.0
    attempt_s: float = 30.0


class Request(msgspec.Struct, frozen=True):
    """What to send.

    Attributes:
        path: Path below the service's URL, with query, already quoted.
        repeatable: Whether a second arrival of the same request does no harm.
        most_bytes: A longer answer is not read to its end.
    """

    method: str
    path: str
    token: str | None = None
    body: bytes | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = {}
    repeatable: bool = True
    most_bytes: int = 256 << 20


class Answer(msgspec.Struct, frozen=True):
    """What came back: the status (2xx or 304), the whole body, the headers (as they were written)."""

    status: int
    body: bytes
    headers: CIMultiDictProxy[str]


@dataclass(slots=True)
class TransportTally:
    """How the exchanges went.

    Attributes:
        attempts: Requests put on the wire.
        answered_later: Answers that asked to come back (429, 503 …, session not started).
        lost: Attempts that ended without an answer.
    """

    attempts: int = 0
    answered_later: int = 0
    lost: int = 0


class Transport:
    """Exchanges requests for answers over one pool of connections.

    Args:
        http: The pool.
        url: Where the service is (`http://127.0.0.1:8080`).
        patience: How long and how often to try.
        seed: Seed of the jitter.
        sleep: Waits; a test may watch it.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        patience: Patience = Patience(),
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take the pool; it stays the caller's to close."""
        self.tally = TransportTally()
        self._http = http
        self._url = url.rstrip("/")
        self._patience = patience
        self._jitter = np.random.default_rng(seed)
        self._sleep = sleep

    async def exchange(self, request: Request) -> Answer:
        """Send a request until it is answered.

        Raises:
            RefusedError: The service says no, and would say so again.
            ServiceUnavailableError: No answer within the patience, or a request that must not be repeated was lost.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience.give_up_after_s
        attempt = 0
        while True:
            wait_s, reason = await self._attempt(request)
            if isinstance(reason, Answer):
                return reason
            delay_s = max(wait_s, self._backoff(attempt))
            if clock() + delay_s > deadline:
                message = f"{request.method} {request.path}: {reason}; gave up after {attempt + 1} attempts"
                raise ServiceUnavailableError(message)
            logger.debug("attempt %d at %s: %s; again in %.2f s", attempt + 1, request.path, reason, delay_s)
            attempt += 1
            await self._sleep(delay_s)

    async def _attempt(self, request: Request) -> tuple[float, Answer | str]:
        """Send once; an answer, or for how long to wait at least and why."""
        self.tally.attempts += 1
        try:
            answer = await self._send(request)
        except _LOST as lost:
            self.tally.lost += 1
            reason = f"connection lost ({type(lost).__name__})"
            if not request.repeatable:
                raise ServiceUnavailableError(f"{request.method} {request.path}: {reason}") from lost
            return 0.0, reason
        status = answer.status
        if status < 300 or status == NOT_MODIFIED:
            return 0.0, answer
        problem = problem_of(answer.body, status)
        if status in LATER_STATUSES or problem.code == NOT_STARTED:
            self.tally.answered_later += 1
            return retry_after_s(answer.headers.get("Retry-After")), describe(status, problem)
        raise refusal(status, problem)

    async def _send(self, request: Request) -> Answer:
        headers = {"Content-Type": request.content_type, **request.headers} if request.body is not None else {}
        headers = {**request.headers, **headers}
        if request.token is not None:
            headers["Authorization"] = f"Bearer {request.token}"
        async with (
            asyncio.timeout(self._patience.attempt_s),
            self._http.request(request.method, self._url + request.path, data=request.body, headers=headers) as answer,
        ):
            return Answer(answer.status, await _body(answer, request.most_bytes), answer.headers)

    def _backoff(self, attempt: int) -> float:
        """Doubling, bounded, and spread over its upper half so that a thousand phones do not come back at once."""
        bound = min(self._patience.longest_delay_s, self._patience.first_delay_s * 2.0 ** min(attempt, 30))
        return float(bound * self._jitter.uniform(0.5, 1.0))


async def _body(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_chunked(_PIECE_BYTES):
        body += piece
        if len(body) > most_bytes:
            raise UnexpectedAnswerError(f"the answer has more than {most_bytes} bytes")
    return bytes(body)


def describe(status: int, problem: Problem) -> str:
    """One line about an answer that asks to come back."""
    return f"{status} {problem.code} {problem.detail or problem.title}".strip()


def retry_after_s(value: str | None) -> float:
    """Seconds that a `Retry-After` header asks for (a number or a date); 0.0 when absent or unreadable."""
    if value is None:
        return 0.0
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        return 0.0
