"""Phones that send one frame after the other without patience, and write down how each answer came, and when.

`kinelog simulate` shows what people see: it tries again by itself. These show what the service said each time.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
from kinelog.phone.client import OperatorClient, PhoneClient, SessionStart, redeem
from kinelog.phone.credentials import Credentials
from kinelog.phone.ledger import Ledger
from kinelog.phone.phone_session import SessionScript
from kinelog.phone.transport import Patience, Transport
from kinelog.phone.watch import WatchFrame
from typing_extensions import override

from tests.cassandra_chaos.phone_thread import PhoneThread

DEVICE = "pebble"
BEGAN_EARLIER_MS = 6 * 3_600_000
HOURS_MINUTES = 300.0
FIRST_NUMBER = 10_000
PAUSE_S = 0.2
LONGEST_ANSWER_S = 60.0
STORED = (200, 201)


@dataclass(frozen=True)
class Answered:
    """How one request ended.

    Attributes:
        phone: Which phone's.
        sent_s: When it was sent, by the monotonic clock.
        seconds: How long the answer took.
        status: Of the answer; 0: the connection was lost or refused.
        retry_after: Whether the answer said when to come back.
    """

    phone: int
    sent_s: float
    seconds: float
    status: int
    retry_after: bool

    @property
    def ended_s(self) -> float:
        """When it was over, by the monotonic clock."""
        return self.sent_s + self.seconds


class Phones(PhoneThread):
    """Some phones in a thread of their own, until `stop`."""

    def __init__(self, url: str, token: str, number: int, seed: int, ledger: Path) -> None:
        """Enrol them and start their sessions.

        Args:
            url: The service, which must answer now.
            token: An owner's.
            number: How many.
            seed: Fixes the movements.
            ledger: File for what is acknowledged.
        """
        super().__init__()
        self.answers: list[Answered] = []
        self._url = url
        self._token = token
        self._number = number
        self._seed = seed
        self._ledger = ledger
        self._begin()

    def acknowledged_since(self, moment_s: float) -> int:
        """How many frames were sent and acknowledged after this moment."""
        return sum(answer.status in STORED for answer in list(self.answers) if answer.sent_s >= moment_s)

    def longest_silence_s(self, since_s: float) -> float:
        """Longest time without an acknowledged frame for any phone, from a moment until now."""
        now_s, longest = time.monotonic(), 0.0
        answers = list(self.answers)
        for phone in range(self._number):
            stored = [a.ended_s for a in answers if a.phone == phone and a.status in STORED and a.ended_s >= since_s]
            marks = [since_s, *stored, now_s]
            longest = max(longest, *(later - earlier for earlier, later in itertools.pairwise(marks)))
        return longest

    def since(self, moment_s: float) -> list[Answered]:
        """What was answered to requests sent after this moment."""
        return [answer for answer in list(self.answers) if answer.sent_s >= moment_s]

    @override
    async def _train(self) -> None:
        timeout = aiohttp.ClientTimeout(total=LONGEST_ANSWER_S)
        with Ledger(self._ledger) as ledger:
            async with aiohttp.ClientSession(timeout=timeout) as http:
                transport = Transport(http, self._url, Patience())
                started = [await self._enrol(transport, phone) for phone in range(self._number)]
                self._enrolled.set()
                async with asyncio.TaskGroup() as group:
                    for phone, (session, token, frames) in enumerate(started):
                        group.create_task(self._send(http, ledger, phone, session, token, frames))

    async def _enrol(self, transport: Transport, phone: int) -> tuple[str, str, Iterator[WatchFrame]]:
        desk = OperatorClient(transport, self._token)
        user, session = f"impatient-{self._seed}-{phone}", str(uuid.uuid4())
        await desk.register(user)
        tokens = await redeem(transport, (await desk.pairing_code(user)).code, DEVICE, "pebble")
        started_ms = time.time_ns() // 1_000_000 - BEGAN_EARLIER_MS
        await PhoneClient(Credentials(transport, tokens)).start(session, SessionStart(started_ms))
        script = SessionScript(self._seed, FIRST_NUMBER + phone, 0, started_ms, HOURS_MINUTES)
        return session, tokens.token, (step for step in script.steps() if isinstance(step, WatchFrame))

    async def _send(
        self,
        http: aiohttp.ClientSession,
        ledger: Ledger,
        phone: int,
        session: str,
        token: str,
        frames: Iterator[WatchFrame],
    ) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
        for frame in frames:
            url = f"{self._url}/v1/sessions/{session}/frames/{DEVICE}/{frame.sequence}"
            while not self._stopping.is_set():
                answer = await self._once(http, phone, url, frame.data, headers)
                self.answers.append(answer)
                await asyncio.sleep(PAUSE_S)
                if answer.status in STORED:
                    ledger.acknowledged(session, DEVICE, [frame.sequence])
                    break
            else:
                return

    async def _once(
        self, http: aiohttp.ClientSession, phone: int, url: str, data: bytes, headers: dict[str, str]
    ) -> Answered:
        sent_s = time.monotonic()
        try:
            async with http.put(url, data=data, headers=headers) as answer:
                body = await answer.read()
                status, later = answer.status, "Retry-After" in answer.headers
        except (aiohttp.ClientError, TimeoutError):
            status, later, body = 0, False, b""
        if status not in {0, *STORED, 429, 503}:
            raise UnexpectedAnswerError(f"{url}: {status} {_words(body)}")
        return Answered(phone, sent_s, time.monotonic() - sent_s, status, later)


class UnexpectedAnswerError(Exception):
    """The service said something that it may never say to a good frame, whatever its store does."""


def _words(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body))
    except msgspec.DecodeError:
        return repr(body[:200])
