"""The router: who is asked, what is repeated, what reaches the caller."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from kinelog.actors.answers import REPEATABLE, Accepted, Refused, Unavailable
from kinelog.actors.errors import MailboxFullError, NotOwnerError, StoppingError
from kinelog.domain import commands as ask
from kinelog.domain.commands import Command
from kinelog.domain.errors import Rejection
from kinelog.domain.identifiers import Person

from tests.actors.asking import START_MS, frames
from tests.routing.nodes import (
    DONE,
    QUICK,
    SHARDS,
    AnsweringRegion,
    Group,
    connected,
    eventually,
    start_node,
    two_nodes,
)

PERSON = Person("demo", "0" * 32)
READ = ask.ReadUser(at_ms=START_MS)
RATE = ask.GiveFeedback(at_ms=START_MS, session=None, subject="squat", rating=5)
FRAMES = frames("00000000-0000-0000-0000-000000000007", 1, 2)
EVERYTHING = range(SHARDS)


async def test_a_command_is_decided_by_the_node_that_owns_the_shard() -> None:
    here, there = AnsweringRegion(), AnsweringRegion()
    async with two_nodes(there, here) as (_, a, b):
        assert await a.router.ask(PERSON, FRAMES) == DONE
        assert await b.router.ask(PERSON, RATE) == DONE
        assert there.heard == [(PERSON, FRAMES), (PERSON, RATE)]
        assert here.heard == []
        assert (a.peers.forwarded, b.peers.forwarded) == (1, 0)


async def test_a_refusal_travels_back_as_it_is() -> None:
    refusal = Refused(Rejection("set-stale", "No.", "/version", extra={"number": 1, "version": 2}))
    async with two_nodes(AnsweringRegion(refusal)) as (_, a, _b):
        assert await a.router.ask(PERSON, RATE) == refusal


async def test_a_full_mailbox_at_the_owner_reaches_the_caller_as_such() -> None:
    async with two_nodes(AnsweringRegion(MailboxFullError(3, 1.5))) as (_, a, _b):
        with pytest.raises(MailboxFullError) as caught:
            await a.router.ask(PERSON, FRAMES)
        assert caught.value.retry_after_s == 1.5


async def test_who_owns_the_shard_no_more_is_asked_again_until_the_view_says_who_does() -> None:
    there, here = AnsweringRegion(NotOwnerError(0)), AnsweringRegion()
    async with two_nodes(there, here) as (group, a, _b):
        asked = asyncio.create_task(a.router.ask(PERSON, RATE))
        await eventually(lambda: len(there.heard) >= 2)
        a.router.seen(group.change(pins=dict.fromkeys(EVERYTHING, "a")))
        assert await asked == DONE
        assert here.heard == [(PERSON, RATE)]


@pytest.mark.parametrize("reason", sorted(REPEATABLE))
@pytest.mark.parametrize("where", ["a", "b"])
async def test_what_proves_that_nothing_was_stored_is_asked_again(reason: str, where: str) -> None:
    region = AnsweringRegion(Unavailable(reason))
    regions = (AnsweringRegion(), region) if where == "a" else (region, AnsweringRegion())
    async with two_nodes(*regions) as (group, a, _b):
        group.change(pins=dict.fromkeys(EVERYTHING, where))
        asked = asyncio.create_task(a.router.ask(PERSON, RATE))
        await eventually(lambda: len(region.heard) >= 3)
        region.answer = DONE
        assert await asked == DONE


@pytest.mark.parametrize("reason", ["storage-full", "store-unavailable", "recovery-failed", "busy", "defect"])
async def test_what_the_owner_cannot_do_is_not_asked_again(reason: str) -> None:
    there = AnsweringRegion(Unavailable(reason, 2.5))
    async with two_nodes(there) as (_, a, _b):
        assert await a.router.ask(PERSON, FRAMES) == Unavailable(reason, 2.5)
        assert len(there.heard) == 1


@pytest.mark.parametrize("reason", ["outcome-unknown", "lost"])
@pytest.mark.parametrize("command", [FRAMES, READ, ask.ReadSession(at_ms=1, session="s"), ask.ReadTenant(at_ms=1)])
async def test_after_an_unknown_outcome_frames_and_readings_are_asked_again(reason: str, command: Command) -> None:
    there = AnsweringRegion(Unavailable(reason))
    async with two_nodes(there) as (_, a, _b):
        asked = asyncio.create_task(a.router.ask(PERSON, command))
        await eventually(lambda: len(there.heard) >= 2)
        there.answer = DONE
        assert await asked == DONE


@pytest.mark.parametrize("reason", ["outcome-unknown", "lost"])
@pytest.mark.parametrize("command", [RATE, ask.EraseUser(at_ms=1), ask.EndSession(at_ms=1, session="s")], ids=str)
async def test_after_an_unknown_outcome_nothing_else_is_asked_again(reason: str, command: Command) -> None:
    there = AnsweringRegion(Unavailable(reason))
    async with two_nodes(there) as (_, a, _b):
        assert await a.router.ask(PERSON, command) == Unavailable(reason)
        assert there.heard == [(PERSON, command)]


async def test_an_owner_that_never_answers_leaves_the_outcome_unknown_at_the_deadline() -> None:
    there = AnsweringRegion(None)
    async with two_nodes(there, answer_s=0.2) as (_, a, b):
        await connected(a, b.member)
        began = time.monotonic()
        assert await a.router.ask(PERSON, RATE) == Unavailable("outcome-unknown", 1.0)
        assert time.monotonic() - began >= 0.2
        assert a.peers.in_flight() == {"b": 0}


async def test_an_owner_that_cannot_be_reached_has_stored_nothing() -> None:
    there = AnsweringRegion()
    async with two_nodes(there, answer_s=0.2) as (_, a, b):
        await b.server.close()
        answer = await a.router.ask(PERSON, RATE)
        assert isinstance(answer, Unavailable)
        assert answer.reason == "unreachable"


async def test_an_attempt_that_may_have_stored_something_is_not_forgotten_over_later_ones() -> None:
    there = AnsweringRegion(None)
    async with two_nodes(there, answer_s=0.5) as (_, a, b):
        await connected(a, b.member)
        asked = asyncio.create_task(a.router.ask(PERSON, FRAMES))
        await eventually(lambda: len(there.waiting) == 1)
        await b.server.close()
        answer = await asked
        assert answer == Unavailable("outcome-unknown", 1.0)


async def test_who_waits_for_a_node_that_is_gone_is_answered_at_once_by_the_next_owner() -> None:
    there, here = AnsweringRegion(None), AnsweringRegion()
    async with two_nodes(there, here, answer_s=30.0) as (group, a, _b):
        asked = asyncio.create_task(a.router.ask(PERSON, FRAMES))
        rated = asyncio.create_task(a.router.ask(PERSON, RATE))
        await eventually(lambda: len(there.waiting) == 2)
        a.router.seen(group.change([a.member]))
        assert await asked == DONE
        assert await rated == Unavailable("outcome-unknown", 1.0)
        assert here.heard == [(PERSON, FRAMES)]


async def test_a_node_that_has_not_joined_asks_not_even_itself() -> None:
    here = AnsweringRegion()
    group = Group()
    a = await start_node("a", group, here, answer_s=0.1)
    group.view = msgspec.structs.replace(group.view, number=9, joined=False)
    assert not a.router.ready()
    answer = await a.router.ask(PERSON, READ)
    assert isinstance(answer, Unavailable)
    assert (answer.reason, here.heard) == ("unreachable", [])
    await a.close()


async def test_a_process_that_is_alone_and_stops_says_so_at_once() -> None:
    group = Group()
    a = await start_node("a", group, AnsweringRegion(StoppingError("stopping")), answer_s=30.0)
    assert await a.router.ask(PERSON, READ) == Unavailable("stopping", 1.0)
    await a.close()


async def test_who_gives_up_takes_no_room_any_more() -> None:
    there = AnsweringRegion(None)
    async with two_nodes(there) as (_, a, _b):
        asked = asyncio.create_task(a.router.ask(PERSON, READ))
        await eventually(lambda: len(there.waiting) == 1)
        assert a.peers.in_flight() == {"b": 1}
        asked.cancel()
        await eventually(lambda: a.peers.in_flight() == {"b": 0})
        there.waiting[0].set_result(DONE)
        there.answer = DONE
        assert await a.router.ask(PERSON, READ) == DONE


async def test_an_answer_past_the_lease_does_not_leave_the_node() -> None:
    there = AnsweringRegion()
    async with two_nodes(there) as (_, a, b):
        b.membership.lease_s = time.monotonic() - 1.0
        assert await a.router.ask(PERSON, RATE) == Unavailable("lost", 1.0)
        b.membership.lease_s = float("inf")
        assert isinstance(await a.router.ask(PERSON, RATE), Accepted)


async def test_a_reply_that_cannot_travel_is_a_defect_of_that_command_alone() -> None:
    there = AnsweringRegion(msgspec.structs.replace(DONE, reply=object()))
    async with two_nodes(there) as (_, a, _b):
        assert await a.router.ask(PERSON, RATE) == Unavailable("defect", 1.0)
        there.answer = DONE
        assert await a.router.ask(PERSON, RATE) == DONE


async def test_an_answer_too_large_for_the_channel_is_refused_alone() -> None:
    rejection = Refused(Rejection("large", "x" * 5_000))
    settings = msgspec.structs.replace(QUICK, answer_bytes=4_000)
    there = AnsweringRegion(rejection)
    async with two_nodes(there, settings=settings) as (_, a, _b):
        assert await a.router.ask(PERSON, RATE) == Unavailable("too-large", 1.0)
        there.answer = DONE
        assert await a.router.ask(PERSON, RATE) == DONE


async def test_a_question_too_large_for_the_channel_is_refused_alone() -> None:
    settings = msgspec.structs.replace(QUICK, question_bytes=4_000)
    async with two_nodes(AnsweringRegion(), settings=settings) as (_, a, _b):
        large = ask.GiveFeedback(at_ms=1, session=None, subject="s", rating=1, text="x" * 5_000)
        assert await a.router.ask(PERSON, large) == Unavailable("too-large", 1.0)
        assert await a.router.ask(PERSON, RATE) == DONE
