"""The router: who is asked, what is repeated, what reaches the caller."""

from __future__ import annotations

import asyncio

import pytest
from kinelog.actors.answers import Refused
from kinelog.actors.errors import MailboxFullError, NotOwnerError
from kinelog.domain import commands as ask
from kinelog.domain.errors import Rejection
from kinelog.domain.identifiers import Person

from tests.actors.asking import START_MS, frames
from tests.routing.nodes import DONE, SHARDS, AnsweringRegion, eventually, two_nodes

PERSON = Person("demo", "0" * 32)
READ = ask.ReadUser(at_ms=START_MS)
RATE = ask.GiveFeedback(at_ms=START_MS, session=None, subject="squat", rating=5)
FRAMES = frames("00000000-0000-0000-0000-000000000007", 1, 2)


async def test_a_command_is_decided_by_the_node_that_owns_the_shard() -> None:
    there = AnsweringRegion()
    async with two_nodes(there) as (_, a, b):
        assert await a.router.ask(PERSON, FRAMES) == DONE
        assert await b.router.ask(PERSON, RATE) == DONE
        assert there.heard == [(PERSON, FRAMES), (PERSON, RATE)]


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
        a.router.seen(group.change(pins=dict.fromkeys(range(SHARDS), "a")))
        assert await asked == DONE
    assert here.heard == [(PERSON, RATE)]
