"""Real regions over one log: whichever node is asked, frames are stored once, while their shard moves to and fro."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kinelog.actors.answers import Accepted, Answer
from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings, ShardSettings
from kinelog.domain.commands import ReadSession, RegisterUser, StartSession
from kinelog.domain.identifiers import Person
from kinelog.domain.replies import FramesRecorded, FrameStatus
from kinelog.domain.states import SessionState
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.privacy.key_store import KeyStore

from tests.actors.asking import START_MS, Clock, frames
from tests.routing.nodes import SHARDS, Group, Node, start_node

SESSION = "00000000-0000-0000-0000-000000000007"
EVERYTHING = range(SHARDS)


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[tuple[Group, Node, Node, Person]]:
    keys = KeyStore.open(tmp_path / "keys")
    person = Person("demo", keys.enrol("demo", "Ada"))
    journal, group = MemoryJournal(SHARDS), Group()
    settings = RegionSettings(tick_ms=5, shard=ShardSettings(backoff_ms=1, backoff_limit_ms=10))
    regions = [
        Region(journal, keys, EventCodec(keys), settings=settings, clock=Clock(), assigned=shards)
        for shards in ((), EVERYTHING)
    ]
    for region in regions:
        region.start()
    a, b = [await start_node(name, group, region, answer_s=20.0) for name, region in zip("ab", regions, strict=True)]
    group.change(pins=dict.fromkeys(EVERYTHING, "b"))
    yield group, a, b, person
    for node in (a, b):
        await node.close()
    for region in regions:
        await asyncio.to_thread(region.stop, 2.0)
    keys.close()


async def training(node: Node, person: Person) -> None:
    for command in (
        RegisterUser(at_ms=START_MS),
        StartSession(at_ms=START_MS, session=SESSION, started_at_ms=START_MS),
    ):
        assert isinstance(await node.router.ask(person, command), Accepted)


def statuses(answers: list[Answer]) -> set[FrameStatus]:
    replies = [answer.reply for answer in answers if isinstance(answer, Accepted)]
    assert len(replies) == len(answers), answers
    return {one.status for reply in replies if isinstance(reply, FramesRecorded) for one in reply.outcomes}


async def test_what_one_node_was_told_the_other_knows(nodes: tuple[Group, Node, Node, Person]) -> None:
    _, a, b, person = nodes
    await training(a, person)
    assert statuses([await a.router.ask(person, frames(SESSION, 0, 1))]) == {FrameStatus.STORED}
    assert statuses([await b.router.ask(person, frames(SESSION, 0, 1))]) == {FrameStatus.DUPLICATE}
    read = await a.router.ask(person, ReadSession(at_ms=START_MS, session=SESSION))
    assert read == await b.router.ask(person, ReadSession(at_ms=START_MS, session=SESSION))
    assert isinstance(read, Accepted)
    assert isinstance(read.reply, SessionState)


async def test_frames_that_are_sent_while_their_shard_moves_are_stored_once_and_nobody_sees_an_error(
    nodes: tuple[Group, Node, Node, Person],
) -> None:
    group, a, b, person = nodes
    await training(a, person)
    answers: list[Answer] = []
    moving = True

    async def send(node: Node, first: int) -> None:
        number = first
        while moving or number < first + 20:
            answers.append(await node.router.ask(person, frames(SESSION, number)))
            number += 2

    sending = [asyncio.create_task(send(node, number)) for number, node in enumerate((a, b))]
    for owner in (a, b, a):
        other = b if owner is a else a
        assert isinstance(owner.region, Region)
        assert isinstance(other.region, Region)
        other.region.assign(())
        owner.region.assign(EVERYTHING)
        view = group.change(pins=dict.fromkeys(EVERYTHING, owner.name))
        for node in (a, b):
            node.router.seen(view)
        await owner.router.ask(person, ReadSession(at_ms=START_MS, session=SESSION))
    moving = False
    await asyncio.gather(*sending)
    assert statuses(answers) <= {FrameStatus.STORED, FrameStatus.DUPLICATE}
    read = await b.router.ask(person, ReadSession(at_ms=START_MS, session=SESSION))
    assert isinstance(read, Accepted)
    assert isinstance(read.reply, SessionState)
    assert read.reply.devices[0].received.count == len(answers)


async def test_an_erased_person_is_so_on_every_node(nodes: tuple[Group, Node, Node, Person]) -> None:
    _, a, b, _person = nodes
    stranger = Person("demo", "f" * 32)
    asked = RegisterUser(at_ms=START_MS)
    assert await a.router.ask(stranger, asked) == await b.router.ask(stranger, asked)
