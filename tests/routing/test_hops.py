"""Nodes whose views differ: a question that came to the wrong one goes one hop further, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from kinelog.actors.answers import Unavailable
from kinelog.actors.errors import MailboxFullError, NotOwnerError
from kinelog.actors.membership.port import Member
from kinelog.domain.commands import Command, GiveFeedback
from kinelog.domain.identifiers import Person
from kinelog.routing.answers import Reply

from tests.routing.nodes import DONE, SHARDS, AnsweringRegion, Group, Node, eventually, start_node

PERSON = Person("demo", "0" * 32)
RATE = GiveFeedback(at_ms=1, session=None, subject="squat", rating=5)
ANSWER_S = 30.0


def held_by(name: str | None) -> NotOwnerError:
    error = NotOwnerError(0)
    error.holder = name
    return error


def answering(node: Node) -> AnsweringRegion:
    assert isinstance(node.region, AnsweringRegion)
    return node.region


def spy_on(node: Node, asked: list[tuple[int, float]]) -> None:
    """Note hop and time left of whatever leaves the node."""
    ask = node.peers.ask

    def noted(
        member: Member, person: Person, command: Command, *, shard: int, within_s: float, hops: int, trace: str | None
    ) -> asyncio.Future[Reply]:
        asked.append((hops, within_s))
        return ask(member, person, command, shard=shard, within_s=within_s, hops=hops, trace=trace)

    node.peers.ask = noted  # type: ignore[method-assign]  # a spy


@pytest.fixture
async def three() -> AsyncIterator[dict[str, Node]]:
    """Nodes a, b and c, which each see the others; a holds b for the owner, b and c hold c for it."""
    groups = {name: Group() for name in "abc"}
    nodes = {
        name: await start_node(name, group, AnsweringRegion(), answer_s=ANSWER_S) for name, group in groups.items()
    }
    for name, group in groups.items():
        owner = "b" if name == "a" else "c"
        group.change([node.member for node in nodes.values()], dict.fromkeys(range(SHARDS), owner))
    yield nodes
    for node in nodes.values():
        await node.close()


async def test_a_question_from_an_old_view_is_passed_on_to_the_owner(three: dict[str, Node]) -> None:
    answering(three["b"]).answer = held_by(None)
    assert await three["a"].router.ask(PERSON, RATE) == DONE
    assert answering(three["c"]).heard == [(PERSON, RATE)]
    assert len(answering(three["b"]).heard) == 1


async def test_a_question_for_a_shard_that_is_being_taken_over_goes_to_who_still_serves_it(
    three: dict[str, Node],
) -> None:
    answering(three["b"]).answer = held_by("a")
    assert await three["a"].router.ask(PERSON, RATE) == DONE
    assert answering(three["a"]).heard == [(PERSON, RATE)]


async def test_the_own_region_s_word_on_who_serves_a_shard_is_followed_at_once(three: dict[str, Node]) -> None:
    answering(three["c"]).answer = held_by("a")
    assert await three["c"].router.ask(PERSON, RATE) == DONE
    assert answering(three["a"]).heard == [(PERSON, RATE)]


async def test_no_question_goes_further_than_two_hops(three: dict[str, Node]) -> None:
    asked: list[tuple[int, float]] = []
    for name, node in three.items():
        answering(node).answer = held_by("a" if name == "c" else None)
        spy_on(node, asked)
    asking = asyncio.create_task(three["a"].router.ask(PERSON, RATE))
    await eventually(lambda: [hops for hops, _ in asked].count(2) >= 3)
    for node in three.values():
        answering(node).answer = DONE
    assert await asking == DONE
    assert {hops for hops, _ in asked} == {1, 2}


async def test_the_time_that_is_left_shrinks_with_each_hop(three: dict[str, Node]) -> None:
    asked: list[tuple[int, float]] = []
    for node in three.values():
        answering(node).answer = held_by(None)
        spy_on(node, asked)
    answering(three["c"]).answer = DONE
    assert await three["a"].router.ask(PERSON, RATE) == DONE
    (first, at_first), (second, at_second) = asked
    assert (first, second) == (1, 2)
    assert at_first <= ANSWER_S
    assert at_first > at_second > 0


async def test_back_pressure_comes_back_over_two_hops(three: dict[str, Node]) -> None:
    answering(three["b"]).answer = held_by(None)
    answering(three["c"]).answer = MailboxFullError(2, 0.7)
    with pytest.raises(MailboxFullError) as caught:
        await three["a"].router.ask(PERSON, RATE)
    assert caught.value.retry_after_s == 0.7


async def test_an_owner_two_hops_away_that_goes_away_leaves_the_outcome_unknown(three: dict[str, Node]) -> None:
    answering(three["b"]).answer = held_by(None)
    region = answering(three["c"])
    region.answer = None

    async def go_away() -> None:
        await eventually(lambda: bool(region.waiting))
        await three["c"].server.close()

    going = asyncio.create_task(go_away())
    assert await three["a"].router.ask(PERSON, RATE) == Unavailable("outcome-unknown", 1.0)
    await going


async def test_a_node_on_the_way_whose_connection_is_full_says_so(three: dict[str, Node]) -> None:
    answering(three["b"]).answer = held_by(None)

    def full(*_arguments: object, **_named: object) -> asyncio.Future[Reply]:
        raise MailboxFullError(2, 0.9)

    three["b"].peers.ask = full  # type: ignore[method-assign]  # too much is on its way to c
    with pytest.raises(MailboxFullError) as caught:
        await three["a"].router.ask(PERSON, RATE)
    assert caught.value.retry_after_s == 0.9
