"""Connections that break and come back, and what nodes ask each other besides commands."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import msgspec
import pytest
from kinelog.actors.answers import Unavailable
from kinelog.actors.membership.port import Member
from kinelog.domain.commands import GiveFeedback, ReadUser
from kinelog.domain.identifiers import Person
from kinelog.routing.cluster_status import begin_draining, collect, somebody_reaches_the_log
from kinelog.routing.errors import NotSentError
from kinelog.routing.hand_over import ChannelHandOver
from kinelog.routing.local_node import LocalNode
from kinelog.routing.node_server import NodeServer

from tests.routing.nodes import DONE, QUICK, SECRET, AnsweringRegion, Node, connected, eventually, two_nodes

PERSON = Person("demo", "0" * 32)
READ = ReadUser(at_ms=1)
RATE = GiveFeedback(at_ms=1, session=None, subject="squat", rating=5)


async def restarted(node: Node) -> NodeServer:
    """The node's port, listened on by a new server."""
    host, _, port = node.member.address.rpartition(":")
    await node.server.close()
    local = LocalNode(
        node.region, node.membership, node.router, node.peers, lambda _shard, done: done(), tuple, lambda: None
    )
    node.server = NodeServer(local, SECRET, QUICK)
    await node.server.listen(host, int(port))
    return node.server


async def test_a_node_that_comes_back_is_asked_again_and_readings_wait_for_it() -> None:
    there = AnsweringRegion(None)
    async with two_nodes(there) as (_, a, b):
        asked = asyncio.create_task(a.router.ask(PERSON, READ))
        rated = asyncio.create_task(a.router.ask(PERSON, RATE))
        await eventually(lambda: len(there.waiting) == 2)
        there.answer = DONE
        await restarted(b)
        assert await asked == DONE
        assert await rated == Unavailable("outcome-unknown", 1.0)
        assert await a.router.ask(PERSON, RATE) == DONE


async def test_attempts_to_connect_pause_and_say_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async with two_nodes(AnsweringRegion(), answer_s=0.4) as (_, a, b):
        await b.server.close()
        await asyncio.gather(*(a.router.ask(PERSON, READ) for _ in range(20)))
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1
    assert "no connection to b" in told[0].getMessage()


async def test_an_idle_connection_is_kept_and_used_again() -> None:
    settings = msgspec.structs.replace(QUICK, silence_s=1.0)
    async with two_nodes(AnsweringRegion(), settings=settings) as (_, a, b):
        assert await a.router.ask(PERSON, READ) == DONE
        ((connection,),) = b.server._known.values()
        await asyncio.sleep(1.5 * settings.silence_s)
        assert await a.router.ask(PERSON, READ) == DONE
        assert list(b.server._known.values()) == [[connection]]


async def test_many_questions_share_one_connection_and_answers_come_in_any_order() -> None:
    there = AnsweringRegion(None)
    async with two_nodes(there) as (_, a, b):
        asked = [asyncio.create_task(a.router.ask(PERSON, READ)) for _ in range(50)]
        await eventually(lambda: len(there.waiting) == 50)
        for number, waiting in reversed(list(enumerate(there.waiting))):
            waiting.set_result(msgspec.structs.replace(DONE, at=type(DONE.at)(0, number)))
        answers = await asyncio.gather(*asked)
        assert [answer.at.position for answer in answers if type(answer) is type(DONE)] == list(range(50))
        assert [len(held) for held in b.server._known.values()] == [1]


async def test_an_owner_that_is_asked_lets_go_and_says_when() -> None:
    async with two_nodes(AnsweringRegion()) as (_, a, b):
        told: list[bool] = []
        hand_over = ChannelHandOver(a.peers, asyncio.get_running_loop())
        await asyncio.to_thread(hand_over.release, b.member, 3, 30.0, told.append)
        await eventually(lambda: bool(told))
        assert (told, b.released) == ([True], [3])


async def test_an_owner_that_does_not_let_go_in_time_is_a_no() -> None:
    async with two_nodes(AnsweringRegion()) as (_, a, b):
        kept: list[object] = []
        local = LocalNode(
            b.region, b.membership, b.router, b.peers, lambda shard, done: kept.append((shard, done)), tuple,
            lambda: None,
        )  # fmt: skip
        b.server._node = local
        told: list[bool] = []
        hand_over = ChannelHandOver(a.peers, asyncio.get_running_loop())
        await connected(a, b.member)
        hand_over.release(b.member, 3, 0.1, told.append)
        await eventually(lambda: bool(told and kept))
        assert (told, len(kept)) == ([False], 1)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "127.0.0.1:99999"])
async def test_an_owner_that_cannot_be_asked_is_a_no(address: str) -> None:
    async with two_nodes(AnsweringRegion()) as (_, a, b):
        told: list[bool] = []
        gone = msgspec.structs.replace(b.member, address=address)
        ChannelHandOver(a.peers, asyncio.get_running_loop()).release(gone, 3, 2.0, told.append)
        await eventually(lambda: bool(told))
        assert told == [False]


async def test_each_member_says_how_it_is_or_why_it_does_not() -> None:
    async with two_nodes(AnsweringRegion()) as (_, a, b):
        await a.router.ask(PERSON, READ)
        await connected(a, a.member)
        worker = Member(name="w", life="00000001", address="", version="1", reads=1)
        gone = msgspec.structs.replace(b.member, name="gone", address="127.0.0.1:1")
        collected = await collect(a.peers, [a.member, b.member, worker, gone])
        of_a, of_b = collected[0].status, collected[1].status
        assert of_a is not None
        assert of_b is not None
        assert (of_a.name, of_a.forwarded, of_b.name, of_b.ready, of_b.joined) == ("a", 1, "b", True, True)
        assert collected[2].problem == "takes no questions"
        assert "no connection to gone" in str(collected[3].problem)


@pytest.mark.parametrize(("said", "draining", "reaches"), [
    (True, False, True), (False, False, False), (None, False, False), (True, True, False),
])  # fmt: skip
async def test_the_log_is_reached_by_somebody_who_may_own_shards_and_says_so(
    *, said: bool | None, draining: bool, reaches: bool
) -> None:
    async with two_nodes(AnsweringRegion()) as (_, a, b):
        b.server._node = replace(b.local, store_answers=lambda: said)
        gone = msgspec.structs.replace(b.member, name="gone", address="127.0.0.1:1")
        member = msgspec.structs.replace(b.member, draining=draining)
        assert await somebody_reaches_the_log(a.peers, [gone, member], within_s=30.0) is reaches
        assert not await somebody_reaches_the_log(a.peers, [])


async def test_a_node_that_is_told_to_drain_begins_to() -> None:
    async with two_nodes(AnsweringRegion()) as (_, a, b):
        assert await begin_draining(a.peers, b.member, within_s=30.0)
        assert b.drained == [True]


async def test_nothing_is_asked_of_a_node_that_left() -> None:
    async with two_nodes(AnsweringRegion()) as (_, a, b):
        assert await a.router.ask(PERSON, READ) == DONE
        peer = next(iter(a.peers._peers.values()))
        a.peers.keep([a.member])
        assert a.peers.in_flight() == {}
        with pytest.raises(NotSentError):
            peer.ask(lambda _number: pytest.fail("asked"), 0, 1, 1.0)
        await eventually(lambda: not b.server._known)
