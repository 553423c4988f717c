"""A node of `benchmarks/forwarding.py`: a process with a journal in memory, people of its own, and a load on command.

Owns all shards of its own log. People of the other process are asked through the router and the channel, as a node
asks for people whose shard is not its own; which round it is, the parent says.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from kinelog.actors.answers import Accepted
from kinelog.actors.membership.port import Listener, Member, Membership, View
from kinelog.actors.region import Region, wall_clock_ms
from kinelog.domain.commands import Command, IncomingFrame, RecordFrames, RegisterUser, StartSession
from kinelog.domain.identifiers import Person
from kinelog.domain.replies import FramesRecorded, FrameStatus
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.local_node import LocalNode
from kinelog.routing.node_server import NodeServer
from kinelog.routing.peers import Peers
from kinelog.routing.router import Router
from kinelog.service.configuration import Settings
from kinelog.service.running import calm_garbage_collection
from typing_extensions import override

SHARDS = 4
TENANT = "benchmark"
ANSWER_S = 20.0


class Introduced(NamedTuple):
    """What a node tells the parent: where it listens, and the people whom it serves."""

    member: Member
    people: tuple[Person, ...]


class Round(NamedTuple):
    """What the parent wants: whose shards are everybody's, for so long, after a warm-up."""

    owner: str
    people: tuple[Person, ...]
    warm_s: float
    seconds: float


class Done(NamedTuple):
    """Frames that were acknowledged as stored in that time, and what this process spent (processor seconds)."""

    frames: int
    cpu_s: float


class ToldMembership(Membership):
    """Sees what the parent says: in each round one node owns everything."""

    def __init__(self, me: Member) -> None:
        """Nobody is there yet."""
        self.me = me
        self._view = View(number=0, members=(), joined=True)

    def told(self, members: Sequence[Member], owner: str) -> None:
        """These are there, and that one owns everything."""
        pins = dict.fromkeys(range(SHARDS), owner)
        self._view = View(number=self._view.number + 1, members=tuple(members), pins=pins, joined=True)

    @override
    def start(self, listener: Listener) -> None:
        listener(self._view)

    @override
    def view(self) -> View:
        return self._view

    @override
    def lease_until_s(self) -> float:
        return float("inf")

    @override
    def set_draining(self, draining: bool) -> None:
        raise NotImplementedError("nothing is drained in a benchmark")

    @override
    def stop(self) -> None:
        """Nothing is held."""


@dataclass
class Load:
    """People who each send a frame, wait until it is stored, and send the next."""

    router: Router
    frame: bytes
    device: str
    stored: int = 0
    going: bool = True

    async def person(self, person: Person, session: str, first: int) -> int:
        """Send frames until the round is over; the number of the next one."""
        sequence = first
        while self.going:
            frame = IncomingFrame(self.device, sequence, self.frame)
            command = RecordFrames(at_ms=wall_clock_ms(), session=session, frames=(frame,))
            answer = await self.router.ask(person, command)
            assert isinstance(answer, Accepted), answer
            assert isinstance(answer.reply, FramesRecorded), answer
            assert answer.reply.outcomes[0].status is FrameStatus.STORED, answer
            self.stored += 1
            sequence += 1
        return sequence


class NodeProcess:
    """The parts of a node, and what the parent has it do."""

    def __init__(self, name: str, folder: Path, frame: bytes) -> None:
        """Make the parts; call on the event loop."""
        self._keys = KeyStore.open(folder)
        self._frame = frame
        self._region = Region(MemoryJournal(SHARDS), self._keys, EventCodec(self._keys))
        self._secret = ClusterSecret(b"of a benchmark, on loopback only" * 2)
        self.membership = ToldMembership(Member(name=name, life="00000000", address="", version="1", reads=1))
        self._peers = Peers(name, self._secret)
        self._router = Router(self._region, self.membership, SHARDS, self._peers, ANSWER_S)
        self._numbers: dict[Person, int] = {}

    async def introduce(self, people: int) -> Introduced:
        """Listen, and have people with a session each."""
        local = LocalNode(
            self._region, self.membership, self._router, self._peers, self._region.release, self._region.status,
            lambda: None,
        )  # fmt: skip
        host, port = await NodeServer(local, self._secret).listen("127.0.0.1")
        me = self.membership.me
        me = self.membership.me = Member(
            name=me.name, life=me.life, address=f"{host}:{port}", version=me.version, reads=me.reads
        )
        self._region.start()
        enrolled = [Person(TENANT, self._keys.enrol(TENANT, f"{me.name}{number}")) for number in range(people)]
        for person in enrolled:
            now = wall_clock_ms()
            await self._asked(person, RegisterUser(at_ms=now))
            await self._asked(person, StartSession(at_ms=now, session=session_of(person), started_at_ms=now))
        return Introduced(me, tuple(enrolled))

    async def round(self, wanted: Round) -> Done:
        """Have all these people send; counted is what comes after the warm-up."""
        load = Load(self._router, self._frame, f"watch-{self.membership.me.name}")
        numbers = self._numbers
        sending = [
            asyncio.create_task(load.person(person, session_of(person), numbers.get(person, 0)))
            for person in wanted.people
        ]
        await asyncio.sleep(wanted.warm_s)
        stored, spent, began = load.stored, time.process_time(), time.perf_counter()
        await asyncio.sleep(wanted.seconds)
        stored, spent = load.stored - stored, time.process_time() - spent
        share = wanted.seconds / (time.perf_counter() - began)
        load.going = False
        numbers.update(zip(wanted.people, await asyncio.gather(*sending), strict=True))
        return Done(int(stored * share), spent * share)

    def close(self) -> None:
        """Stop the shards."""
        self._peers.close()
        self._region.stop()
        self._keys.close()

    async def _asked(self, person: Person, command: Command) -> None:
        answer = await self._region.ask(person, command)
        assert isinstance(answer, Accepted), answer


def session_of(person: Person) -> str:
    """The one session of a person."""
    return str(uuid.UUID(hex=person.pseudonym))


def node(name: str, folder: Path, people: int, frame: bytes, parent: Connection) -> None:
    """Run a node until the parent has no more rounds."""
    sys.setswitchinterval(Settings().switch_interval_s)
    asyncio.run(_node(name, folder, people, frame, parent))


async def _node(name: str, folder: Path, people: int, frame: bytes, parent: Connection) -> None:
    process = NodeProcess(name, folder, frame)
    try:
        parent.send(await process.introduce(people))
        members: list[Member] = await asyncio.to_thread(parent.recv)
        calm_garbage_collection()
        while True:
            wanted: Round | None = await asyncio.to_thread(parent.recv)
            if wanted is None:
                return
            process.membership.told(members, wanted.owner)
            parent.send(await process.round(wanted))
    finally:
        process.close()
