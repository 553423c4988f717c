"""Phones that go to any node, send one thing after the other without patience, and write down what they are told.

A phone sends the frames and the recognised sets of one session in order, each until it is acknowledged; the next try
may go to another node. Now and then it asks some node which frames are held.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import aiohttp
import msgspec
from kinelog.api.positions import positions_of
from kinelog.phone.client import OperatorClient, PhoneClient, SessionStart, redeem
from kinelog.phone.credentials import Credentials
from kinelog.phone.phone_session import SessionScript, SetDone
from kinelog.phone.received import ReceivedFrames
from kinelog.phone.transport import Patience, Transport
from typing_extensions import override

from tests.cassandra_chaos.phone_thread import PhoneThread
from tests.cluster_chaos.history import LABEL, STORED, Exchange, Look, Named

DEVICE = "pebble"
BEGAN_EARLIER_MS = 6 * 3_600_000
HOURS_MINUTES = 300.0
LONGEST_ANSWER_S = 60.0
LOOK_EVERY = 25
"""Things sent between two looks."""


@dataclass(frozen=True)
class Enrolled:
    """A phone that can send.

    Attributes:
        number: Of the phone.
        session: The session that it sends.
        token: It authenticates with.
        script: What happens in the session.
    """

    number: int
    session: str
    token: str
    script: SessionScript

    @property
    def headers(self) -> dict[str, str]:
        """What each of its requests carries."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class _Thing:
    """Something to send: what it is called in the history, and the request."""

    named: Named
    method: str
    path: str
    body: bytes
    content_type: str


def _things(phone: Enrolled) -> Iterator[_Thing]:
    """Frames and recognised sets of a session, in order."""
    path, octets = f"/v1/sessions/{phone.session}", "application/octet-stream"
    for step in phone.script.steps():
        if isinstance(step, SetDone):
            label = Named(phone.session, LABEL, step.label.start_ms)
            yield _Thing(label, "POST", f"{path}/labels", msgspec.json.encode(step.label), "application/json")
        else:
            frame = Named(phone.session, DEVICE, step.sequence)
            yield _Thing(frame, "PUT", f"{path}/frames/{DEVICE}/{step.sequence}", step.data, octets)


class Phones(PhoneThread):
    """Some phones in a thread of their own, until `stop`."""

    def __init__(
        self,
        nodes: Mapping[str, str],
        token: str,
        number: int,
        seed: int,
        *,
        pause_s: float = 0.2,
        patience_s: float = LONGEST_ANSWER_S,
    ) -> None:
        """Enrol them and start their sessions.

        Args:
            nodes: URL of each node by name; each must answer now.
            token: An owner's.
            number: How many.
            seed: Fixes people, movements and which nodes are asked.
            pause_s: Between an answer and the next request of a phone.
            patience_s: How long a phone waits for an answer before it asks again, maybe elsewhere.
        """
        super().__init__()
        self.exchanges: list[Exchange] = []
        self.looks: list[Look] = []
        self.number = number
        self._nodes = dict(nodes)
        self._token = token
        self._seed = seed
        self._pause_s = pause_s
        self._patience = aiohttp.ClientTimeout(total=patience_s)
        self._begin()

    def acknowledged_since(self, moment_s: float) -> int:
        """How many things were sent and acknowledged after this moment."""
        return sum(one.acknowledged for one in self.since(moment_s))

    def served_since(self, moment_s: float) -> bool:
        """Whether every phone had something acknowledged that it sent after this moment."""
        return len({one.phone for one in self.since(moment_s) if one.acknowledged}) == self.number

    def since(self, moment_s: float) -> list[Exchange]:
        """What became of requests sent after this moment."""
        return [one for one in list(self.exchanges) if one.sent_s >= moment_s]

    @override
    async def _train(self) -> None:
        async with aiohttp.ClientSession() as http:
            transport = Transport(http, next(iter(self._nodes.values())), Patience())
            enrolled = await asyncio.gather(*(self._enrol(transport, number) for number in range(self.number)))
            self._enrolled.set()
            async with asyncio.TaskGroup() as group:
                for phone in enrolled:
                    group.create_task(self._send(http, phone))

    async def _enrol(self, transport: Transport, number: int) -> Enrolled:
        desk = OperatorClient(transport, self._token)
        user, session = f"roaming-{self._seed}-{number}", str(uuid.uuid4())
        await desk.register(user)
        tokens = await redeem(transport, (await desk.pairing_code(user)).code, DEVICE, "pebble")
        started_ms = time.time_ns() // 1_000_000 - BEGAN_EARLIER_MS
        await PhoneClient(Credentials(transport, tokens)).start(session, SessionStart(started_ms))
        return Enrolled(number, session, tokens.token, SessionScript(self._seed, number, 0, started_ms, HOURS_MINUTES))

    async def _send(self, http: aiohttp.ClientSession, phone: Enrolled) -> None:
        chance = random.Random(f"{self._seed}/{phone.number}")  # chooses nodes
        told: set[int] = set()
        for step, thing in enumerate(_things(phone)):
            while not self._stopping.is_set():
                exchange = await self._once(http, phone, thing, chance.choice(list(self._nodes)))
                self.exchanges.append(exchange)
                await asyncio.sleep(self._pause_s)
                if exchange.acknowledged:
                    break
            else:
                return
            if thing.named.device != LABEL:
                told.add(thing.named.number)
            if step % LOOK_EVERY == LOOK_EVERY - 1:
                await self._look(http, phone, chance.choice(list(self._nodes)), frozenset(told))

    async def _once(self, http: aiohttp.ClientSession, phone: Enrolled, thing: _Thing, node: str) -> Exchange:
        sent_s = time.monotonic()
        exchange = Exchange(phone.number, thing.named, node, sent_s, sent_s, 0)
        headers = phone.headers | {"Content-Type": thing.content_type}
        try:
            async with http.request(
                thing.method, self._nodes[node] + thing.path, data=thing.body, headers=headers, timeout=self._patience
            ) as answer:
                body = await answer.read()
                exchange = replace(exchange, status=answer.status, come_back="Retry-After" in answer.headers)
                if exchange.acknowledged:
                    exchange = _placed(exchange, body)
        except (aiohttp.ClientError, TimeoutError):
            pass  # nobody knows what became of it: that is what status 0 says
        return replace(exchange, told_s=time.monotonic())

    async def _look(self, http: aiohttp.ClientSession, phone: Enrolled, node: str, told: frozenset[int]) -> None:
        sent_s = time.monotonic()
        url = f"{self._nodes[node]}/v1/sessions/{phone.session}/frames"
        try:
            async with http.get(url, headers=phone.headers, timeout=self._patience) as answer:
                if answer.status not in STORED:
                    return
                held = msgspec.json.decode(await answer.read(), type=ReceivedFrames)
        except (aiohttp.ClientError, TimeoutError):
            return  # a node that is away shows nothing, and nothing wrong
        absent = held.of(DEVICE).absent(max(told, default=-1) + 1) & told
        self.looks.append(Look(phone.session, DEVICE, node, sent_s, tuple(sorted(absent))))


class _Placed(msgspec.Struct):
    position: str | None = None


def _placed(exchange: Exchange, body: bytes) -> Exchange:
    token = msgspec.json.decode(body, type=_Placed).position
    if token is None:
        return exchange
    ((shard, position),) = positions_of(token).items()
    return replace(exchange, shard=shard, position=position)
