"""A slow or paused node piles nothing up at whoever asks it, and nobody piles anything up at a node that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest
from kinelog.actors.answers import Answer, Refused, Unavailable
from kinelog.actors.errors import MailboxFullError
from kinelog.domain.commands import IncomingFrame, ReadUser, RecordFrames
from kinelog.domain.errors import Rejection
from kinelog.domain.identifiers import Person
from kinelog.routing.answering_connection import AnsweringConnection
from kinelog.routing.batches import encode_batch
from kinelog.routing.questions import ASK_TYPES

from tests.routing.nodes import DONE, QUICK, AnsweringRegion, Node, connected, eventually, two_nodes
from tests.routing.strangers import stranger_at

PERSON = Person("demo", "0" * 32)
READ = ReadUser(at_ms=1)
FRAME_BYTES = 50_000
LARGE = RecordFrames(at_ms=1, session="s", frames=(IncomingFrame("watch", 1, bytes(FRAME_BYTES)),))
BOUNDED = msgspec.structs.replace(QUICK, in_flight_bytes=2_000_000, silence_s=60.0, ping_s=20.0)


def connections(node: Node) -> Iterator[AnsweringConnection]:
    for held in node.server._known.values():
        yield from held


def untaken(node: Node) -> int:
    """Bytes of questions that lie in a node because the network does not take them."""
    total = 0
    for peer in node.peers._peers.values():
        connection = peer._connection
        if connection is not None:
            total += connection.waiting_bytes + FRAME_BYTES * len(connection.outbox)
    return total


async def test_questions_to_a_paused_node_are_bounded_by_their_bytes_and_then_refused() -> None:
    there = AnsweringRegion()
    async with two_nodes(there, answer_s=2.0, settings=BOUNDED) as (_, a, b):
        await connected(a, b.member)
        for connection in connections(b):
            connection.hear_nothing()
        refused, worst = 0, 0
        asked: list[asyncio.Task[Answer]] = []
        for _ in range(20):
            asked += [asyncio.create_task(a.router.ask(PERSON, LARGE)) for _ in range(40)]
            await asyncio.sleep(0.01)
            worst = max(worst, untaken(a))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        refused = sum(isinstance(answer, MailboxFullError) for answer in answers)
        rest = {answer.reason for answer in answers if isinstance(answer, Unavailable)}
        assert refused > 400
        assert worst <= 2 * BOUNDED.in_flight_bytes
        assert "outcome-unknown" in rest
        assert rest <= {"outcome-unknown", "unreachable"}
        await eventually(lambda: a.peers.in_flight() == {"b": 0})


async def test_what_was_never_sent_leaves_nothing_behind_at_its_deadline() -> None:
    async with two_nodes(AnsweringRegion(), answer_s=0.3, settings=BOUNDED) as (_, a, b):
        await connected(a, b.member)
        for connection in connections(b):
            connection.hear_nothing()
        await asyncio.gather(*(a.router.ask(PERSON, LARGE) for _ in range(60)), return_exceptions=True)
        (peer,) = a.peers._peers.values()
        asking = peer._connection
        assert asking is not None
        await eventually(lambda: not asking.outbox)


async def test_questions_are_bounded_in_number() -> None:
    settings = msgspec.structs.replace(QUICK, in_flight=3)
    there = AnsweringRegion(None)
    async with two_nodes(there, settings=settings) as (_, a, _b):
        asked = [asyncio.create_task(a.router.ask(PERSON, READ)) for _ in range(3)]
        await eventually(lambda: len(there.waiting) == 3)
        with pytest.raises(MailboxFullError) as caught:
            await a.router.ask(PERSON, READ)
        assert caught.value.retry_after_s == QUICK.refused_wait_s
        for waiting in there.waiting:
            waiting.set_result(DONE)
        assert await asyncio.gather(*asked) == [DONE] * 3


async def test_a_node_that_answers_nothing_any_more_is_left_and_frames_are_asked_elsewhere() -> None:
    settings = msgspec.structs.replace(QUICK, ping_s=0.05, silence_s=0.2)
    there, here = AnsweringRegion(), AnsweringRegion()
    async with two_nodes(there, here, settings=settings) as (group, a, b):
        assert await a.router.ask(PERSON, READ) == DONE
        for connection in connections(b):
            connection.hear_nothing()
            connection._disarm()  # a paused process notices nothing itself either
        asked = asyncio.create_task(a.router.ask(PERSON, LARGE))
        await eventually(lambda: a.peers.in_flight() == {"b": 1})
        await eventually(lambda: a.peers.in_flight() == {"b": 0})
        group.change(pins=dict.fromkeys(range(4), "a"))
        assert await asked == DONE
        assert (PERSON, LARGE) in here.heard


async def test_who_does_not_take_answers_is_asked_no_more_and_hung_up_on_at_last() -> None:
    settings = msgspec.structs.replace(QUICK, answer_bytes=100_000, batch_bytes=1_000, in_flight=1_000_000)
    there = AnsweringRegion(Refused(Rejection("large", "x" * 50_000)))
    async with two_nodes(there, settings=settings) as (_, _a, b), stranger_at(b.member.address) as stranger:
        insider = await stranger.introduced("c", "b")
        question = ASK_TYPES[ReadUser](1, 1_000, 1, None, *PERSON, READ)

        async def ask_on() -> None:
            while True:
                await insider.say(encode_batch([question] * 20))
                await asyncio.sleep(0)  # both ends are on this loop: else it asks until the system's buffers are full

        asking = asyncio.create_task(ask_on())
        await eventually(lambda: not b.server._known)
        heard = len(there.heard)
        assert heard < 1_000
        with pytest.raises(ConnectionError):
            await asking
