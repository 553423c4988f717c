"""People whose phones send one frame after the other, and know what they were told and how long they waited for it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from kinelog.phone.client import OperatorClient, OutgoingFrame, PhoneClient, SessionStart, redeem
from kinelog.phone.credentials import Credentials
from kinelog.phone.transport import Patience, Transport
from kinelog.service.demo_floor import still_frame

DEVICE = "watch"
IMPATIENT = Patience(first_delay_s=0.02, longest_delay_s=0.1, give_up_after_s=30.0, attempt_s=10.0)
"""Repeats at once what got no answer: so a wait is the service's, not the phone's."""

DEADLINE_S = 30.0


@dataclass(slots=True)
class Phone:
    """One person's.

    Attributes:
        token: The device's.
        acknowledged: Frames that were answered with success, all numbers below it.
        waits_s: How long each of them took, repetitions included.
    """

    client: PhoneClient
    token: str
    session: str
    started_ms: int
    acknowledged: int = 0
    waits_s: list[float] = field(default_factory=list)

    async def send(self) -> None:
        """Send the next frame until it is acknowledged."""
        began = time.monotonic()
        number = self.acknowledged
        await self.client.put_frame(self.session, self.frame(number))
        self.acknowledged = number + 1
        self.waits_s.append(time.monotonic() - began)

    def frame(self, number: int) -> OutgoingFrame:
        """A frame, always the same under the same number."""
        return OutgoingFrame(DEVICE, number, still_frame(self.started_ms + 1000 * number))


class Phones:
    """Several of them; they send in the background once told to."""

    def __init__(self, phones: list[Phone]) -> None:
        self.all = phones
        self._sending: list[asyncio.Task[None]] = []

    @property
    def acknowledged(self) -> int:
        """Frames of all."""
        return sum(phone.acknowledged for phone in self.all)

    @property
    def longest_wait_s(self) -> float:
        """Of any frame."""
        return max(wait for phone in self.all for wait in phone.waits_s)

    async def until_acknowledged(self, more: int) -> None:
        """Wait until so many more frames are acknowledged than now."""
        wanted = self.acknowledged + more
        await until(lambda: self.acknowledged >= wanted)

    async def stop(self) -> None:
        """Send no more, after what is on its way was answered."""
        sending, self._sending = self._sending, []
        await asyncio.gather(*sending)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """All of them send meanwhile."""
        over = asyncio.Event()

        async def send(phone: Phone) -> None:
            while not over.is_set():
                await phone.send()

        async with asyncio.TaskGroup() as tasks:
            for phone in self.all:
                tasks.create_task(send(phone))
            try:
                yield
            finally:
                over.set()


@asynccontextmanager
async def phones_of(url: str, owner: str, people: int) -> AsyncIterator[Phones]:
    """Make people known, pair a phone each and start a session each."""
    started_ms = time.time_ns() // 1_000_000
    async with aiohttp.ClientSession() as http:
        transport = Transport(http, url, IMPATIENT)
        desk = OperatorClient(transport, owner)
        made = []
        for _ in range(people):
            user, session = f"p-{uuid.uuid4().hex[:8]}", str(uuid.uuid4())
            await desk.register(user)
            tokens = await redeem(transport, (await desk.pairing_code(user)).code, DEVICE, "pebble")
            client = PhoneClient(Credentials(transport, tokens))
            await client.start(session, SessionStart(started_ms))
            made.append(Phone(client, tokens.token, session, started_ms))
        yield Phones(made)


async def until(true: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Wait until something is so."""
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, "it did not come true"
        await asyncio.sleep(0.01)
