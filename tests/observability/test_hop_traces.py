"""A command that is decided on another node is one trace."""

from __future__ import annotations

import asyncio

import pytest
from kinelog.actors.answers import Accepted
from kinelog.actors.asyncio_bridge import Awaited
from kinelog.actors.errors import MailboxFullError
from kinelog.domain.commands import Command, ReadUser
from kinelog.domain.identifiers import Person
from kinelog.observability import tracing
from typing_extensions import override

from tests.observability.kept_spans import kept_spans, parent_id, span_id, trace_id
from tests.routing.nodes import AnsweringRegion, two_nodes

ADA = Person("alpine", "p" * 16)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"


class TracedRegion(AnsweringRegion):
    """Notes in whose trace it is asked, as a region does."""

    def __init__(self) -> None:
        super().__init__()
        self.traces: list[str | None] = []

    @override
    def ask_for(self, awaited: Awaited, person: Person, command: Command) -> None:
        self.traces.append(tracing.current())
        super().ask_for(awaited, person, command)


def test_a_question_to_another_node_is_part_of_the_request_and_goes_on_there() -> None:
    there = TracedRegion()

    async def whole() -> None:
        async with two_nodes(there) as (_, here, _there):
            tracer = tracing.active()
            assert tracer is not None
            request = tracer.request("PUT /x", CALLER)
            assert request is not None
            with request.within():
                assert isinstance(await here.router.ask(ADA, ReadUser(at_ms=0)), Accepted)
            request.end()

    with kept_spans() as kept:
        asyncio.run(whole())
        request, asking, answering = (kept.one(name) for name in ("PUT /x", "ask another node", "answer another node"))
    assert {trace_id(span) for span in (request, asking, answering)} == {TRACE}
    assert parent_id(asking) == span_id(request)
    assert parent_id(answering) == span_id(asking)
    assert there.traces == [f"00-{TRACE}-{span_id(answering)}-01"]
    assert asking.attributes is not None
    assert asking.attributes["kinelog.owner"] == "b"


def test_what_is_not_traced_here_begins_no_trace_there() -> None:
    there = TracedRegion()

    async def whole() -> None:
        async with two_nodes(there) as (_, here, _there):
            assert isinstance(await here.router.ask(ADA, ReadUser(at_ms=0)), Accepted)

    with kept_spans() as kept:
        asyncio.run(whole())
        assert kept.all() == []
    assert there.traces == [None]


def test_a_question_that_is_refused_says_so() -> None:
    there = AnsweringRegion(answer=MailboxFullError(1, 0.5))

    async def whole() -> None:
        async with two_nodes(there) as (_, here, _there):
            tracer = tracing.active()
            assert tracer is not None
            request = tracer.request("PUT /x", CALLER)
            assert request is not None
            with request.within(), pytest.raises(MailboxFullError):
                await here.router.ask(ADA, ReadUser(at_ms=0))
            request.end()
            assert here.router.counts.by_outcome() == {"mailbox-full": 1}

    with kept_spans() as kept:
        asyncio.run(whole())
        assert len(kept.named("ask another node")) == 1
