"""Any number of simulated people at once against a running service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import aiohttp
import msgspec
import numpy as np
from kinelog.codecs.values import Format
from kinelog.phone.client import OperatorClient, PhoneClient
from kinelog.phone.credentials import Credentials
from kinelog.phone.enrolment import enrol
from kinelog.phone.faulty_link import Faults
from kinelog.phone.ledger import Ledger
from kinelog.phone.pace import Pace
from kinelog.phone.person import draw_profile
from kinelog.phone.phone_session import SessionScript
from kinelog.phone.tally import SimulationReport, Tally
from kinelog.phone.transport import Patience, Transport
from kinelog.phone.uplink import Uplink
from kinelog.phone.visit import Visit

SESSION_NAMESPACE: UUID = uuid5(NAMESPACE_URL, "kinelog:simulated-session")
ENROLLING_AT_ONCE = 16
WATCH = "pebble"


class SimulationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate.

    Attributes:
        url, token: The service, and an operator's token that may register people and hand out pairing codes.
        users: How many people.
        minutes: Length of a session by the watches' clocks.
        live: A frame a second as it happens, or everything after the session.
        speed: How many seconds of training pass in a second (live only).
        seed: Fixes people, movements and faults.
        gym: Where they train.
        faults: What goes wrong on the radio.
        layout: Layout of the frames.
        prefix: Names are `prefix-seed-number`.
        started_ms: Start of the sessions, Unix milliseconds; None: now (live), or so that they end now (bulk). The same
            plan with the same start sends the same keys and bytes, so that a second run stores nothing.
        forever: People come back after a pause until the program is stopped.
        give_up_s: How long a phone keeps trying when the service is gone.
        connections: Open connections at most.
        ledger: File for the acknowledged frames.
        consents: What everybody consents to; who consents to something says who they are, too.
    """

    url: str
    token: str
    users: int
    minutes: float
    live: bool
    speed: float
    seed: int
    gym: str | None
    faults: Faults
    layout: Format
    prefix: str
    started_ms: int | None
    forever: bool
    give_up_s: float
    connections: int
    ledger: Path | None
    consents: tuple[str, ...] = ()


class Simulation:
    """Runs a plan.

    Attributes:
        tally: What happened so far; may be read while it runs.
    """

    def __init__(self, plan: SimulationPlan, clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """Nothing starts yet."""
        self.plan = plan
        self.tally = Tally(users=plan.users)
        self._clock_ms = clock_ms
        self._enrolling = asyncio.Semaphore(ENROLLING_AT_ONCE)
        self._began = 0.0
        self._transport: Transport | None = None

    async def run(self) -> SimulationReport:
        """Play everybody's sessions. A session that fails is counted; the others go on.

        Raises:
            ExceptionGroup: Of `PhoneError`: people cannot be enrolled, because the token may not do it or the service
                is not there.
        """
        self._began = time.monotonic()
        with Ledger(self.plan.ledger) as ledger:
            async with self._connected() as transport, asyncio.TaskGroup() as people:
                for number in range(self.plan.users):
                    people.create_task(self._person(transport, ledger, number))
        return self.report()

    def report(self) -> SimulationReport:
        """The counts so far."""
        tally, seconds = self.tally, time.monotonic() - self._began
        wire = self._transport.tally if self._transport is not None else None
        return SimulationReport(
            **{name: getattr(tally, name) for name in Tally.__slots__ if name != "refused"},
            refused=dict(sorted(tally.refused.items())),
            attempts=wire.attempts if wire else 0,
            answered_later=wire.answered_later if wire else 0,
            connections_lost=wire.lost if wire else 0,
            seconds=round(seconds, 3),
            frames_per_second=round(tally.acknowledged / seconds, 1) if seconds else 0.0,
            verdict=tally.verdict,
        )

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Transport]:
        connector = aiohttp.TCPConnector(limit=self.plan.connections)
        async with aiohttp.ClientSession(connector=connector) as http:
            patience = Patience(give_up_after_s=self.plan.give_up_s)
            self._transport = Transport(http, self.plan.url, patience, self.plan.seed)
            yield self._transport

    async def _person(self, transport: Transport, ledger: Ledger, number: int) -> None:
        user = f"{self.plan.prefix}-{self.plan.seed}-{number:05d}"
        rng = np.random.default_rng([self.plan.seed, number, 3])
        async with self._enrolling:
            desk = OperatorClient(transport, self.plan.token)
            credentials = await enrol(desk, user, WATCH, "pebble")
            if self.plan.consents:
                await desk.tell(user, draw_profile(np.random.default_rng([self.plan.seed, number, 5])))
                await desk.consent(user, self.plan.consents)
        if self.plan.live:
            # Watches are not in step with each other: without this all frames of a second come in one moment.
            await asyncio.sleep(float(rng.uniform(0.0, 1.0 / self.plan.speed)))
        visit = 0
        await self._visit(ledger, (user, number, visit), credentials)
        while self.plan.forever:
            visit += 1
            await asyncio.sleep(float(rng.uniform(20.0, 90.0)) / self.plan.speed)
            await self._visit(ledger, (user, number, visit), credentials)

    async def _visit(self, ledger: Ledger, who: tuple[str, int, int], credentials: Credentials) -> None:
        user, number, count = who
        plan = self.plan
        minutes = self._minutes(number, count)
        started_ms = self._started_ms(minutes) if plan.started_ms is None else plan.started_ms
        script = SessionScript(plan.seed, number, count, started_ms, minutes, plan.layout)
        session = str(uuid5(SESSION_NAMESPACE, f"{user}/{count}/{started_ms}"))
        phone = PhoneClient(credentials)
        uplink = Uplink(phone, session, WATCH, plan.layout, self.tally, ledger)
        pace = Pace(started_ms, plan.speed) if plan.live else None
        visit = Visit(script, session, WATCH, plan.gym, phone, uplink, self.tally, plan.faults, pace)
        await visit.play()

    def _minutes(self, number: int, count: int) -> float:
        """Sessions of a floor that never closes differ in length, so that people do not all leave together."""
        if not self.plan.forever:
            return self.plan.minutes
        rng = np.random.default_rng([self.plan.seed, number, count, 4])
        return float(self.plan.minutes * rng.uniform(0.6, 1.4))

    def _started_ms(self, minutes: float) -> int:
        """Now, or earlier by what a speed above one (or a bulk upload) gets ahead of the wall clock."""
        ahead = 1.0 - 1.0 / self.plan.speed if self.plan.live else 1.0
        return self._clock_ms() - round(max(0.0, ahead) * minutes * 60_000)
