"""What strangers and broken peers can do to a node: nothing that anybody else notices, and one line in its log."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec
import pytest
from kinelog.actors.answers import Unavailable
from kinelog.domain.commands import ReadUser
from kinelog.domain.identifiers import Person
from kinelog.routing.answers import FullAnswer, Pong, UnavailableAnswer
from kinelog.routing.batches import ANSWERS, encode_batch
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.frames import HANDSHAKE_BYTES, open_frame
from kinelog.routing.handshake import Challenge, ClientHandshake
from kinelog.routing.questions import ASK_TYPES, Ping

from tests.routing.nodes import DONE, QUICK, SECRET, AnsweringRegion, Group, Node, eventually, start_node, two_nodes
from tests.routing.strangers import stranger_at

PERSON = Person("demo", "0" * 32)
READ = ReadUser(at_ms=1)
WRONG = ClusterSecret(b"guessed, and long enough to be tried")


@pytest.fixture
async def group() -> AsyncIterator[tuple[Node, Node]]:
    async with two_nodes(AnsweringRegion()) as (_, a, b):
        assert await a.router.ask(PERSON, READ) == DONE
        yield a, b
        assert await a.router.ask(PERSON, READ) == DONE, "others are harmed"
        assert a.peers.in_flight() == {"b": 0}


def lines(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if words in record.getMessage()]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        struct.pack(">I", (1 << 32) - 1),
        struct.pack(">I", HANDSHAKE_BYTES + 1) + b"x" * 100,
        struct.pack(">I", 8) + b"\x91" * 8,
        struct.pack(">I", 1_000) + b"\x91" * 1_000,
        struct.pack(">I", 0),
        struct.pack(">I", 4) + b"\xa3\xff\xff\xff",
    ],
    ids=["http", "huge length", "long", "nested", "deep", "nothing", "no text"],
)
async def test_garbage_before_the_handshake_ends_that_connection_only(
    group: tuple[Node, Node], data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    _, b = group
    async with stranger_at(b.member.address) as stranger:
        await stranger.open_payload()
        await stranger.send(data)
        await stranger.hung_up()
    assert len(lines(caplog, "refused on the channel")) == 1
    assert b.server.refused == 1


async def test_a_wrong_secret_is_refused_in_words_and_the_secret_is_in_no_log(
    group: tuple[Node, Node], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, b = group
    async with stranger_at(b.member.address) as stranger:
        hello = ClientHandshake("a", "b", WRONG).receive(await stranger.open_payload())
        assert isinstance(hello, bytes)
        await stranger.say(hello)
        assert b"another secret" in await stranger.hung_up()
    assert len(lines(caplog, "refused on the channel")) == 1
    assert "for tests only" not in caplog.text
    assert "guessed" not in caplog.text


async def test_a_recorded_handshake_is_worth_nothing(group: tuple[Node, Node]) -> None:
    _, b = group
    async with stranger_at(b.member.address) as first, stranger_at(b.member.address) as second:
        hello = ClientHandshake("a", "b", SECRET).receive(await first.open_payload())
        assert isinstance(hello, bytes)
        await first.say(hello)
        await first.open_payload()
        await second.open_payload()
        await second.say(hello)
        assert b"proof is not right" in await second.hung_up()


async def test_who_says_nothing_is_hung_up_on() -> None:
    settings = msgspec.structs.replace(QUICK, handshake_s=0.1)
    async with two_nodes(AnsweringRegion(), settings=settings) as (_, _a, b):
        async with stranger_at(b.member.address) as stranger:
            await stranger.hung_up()
        assert b.server.refused == 1


async def test_many_who_say_nothing_do_not_keep_a_node_out() -> None:
    settings = msgspec.structs.replace(QUICK, handshakes=4)
    async with two_nodes(AnsweringRegion(), settings=settings) as (_, a, b), AsyncExitStack() as strangers:
        silent = [await strangers.enter_async_context(stranger_at(b.member.address)) for _ in range(8)]
        assert await a.router.ask(PERSON, READ) == DONE
        for stranger in silent[:4]:
            await stranger.hung_up()


async def test_one_peer_holds_a_few_connections_and_the_oldest_gives_way() -> None:
    settings = msgspec.structs.replace(QUICK, connections_per_peer=2)
    async with two_nodes(AnsweringRegion(), settings=settings) as (_, _a, b), AsyncExitStack() as opened:
        strangers = [await opened.enter_async_context(stranger_at(b.member.address)) for _ in range(3)]
        insiders = [await stranger.introduced("c", "b") for stranger in strangers]
        await strangers[0].hung_up()
        for insider in insiders[1:]:
            await insider.say(encode_batch([Ping(5)]))
            assert ANSWERS.decode(await insider.heard()) == [Pong(5)]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (msgspec.msgpack.encode([["launch", 1]]), "unknown kind 'launch'"),
        (b"\x91" * 10_000, "not a batch"),
        (b"\xc1", "not a batch"),
    ],
    ids=["unknown kind", "deep", "no msgpack"],
)
async def test_what_is_no_question_ends_the_connection(
    group: tuple[Node, Node], payload: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _, b = group
    async with stranger_at(b.member.address) as stranger:
        insider = await stranger.introduced("c", "b")
        await insider.say(payload)
        await stranger.hung_up()
    assert len(lines(caplog, words)) == 1


async def test_a_forged_frame_ends_the_connection(group: tuple[Node, Node], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _, b = group
    async with stranger_at(b.member.address) as stranger:
        insider = await stranger.introduced("c", "b")
        frame = bytearray(insider.writer.frame(encode_batch([Ping(5)])))
        frame[-1] ^= 1
        await stranger.send(bytes(frame))
        await stranger.hung_up()
    assert len(lines(caplog, "seal is not right")) == 1


async def test_a_huge_length_of_a_known_peer_ends_the_connection_before_anything_comes() -> None:
    async with two_nodes(AnsweringRegion()) as (_, _a, b), stranger_at(b.member.address) as stranger:
        await stranger.introduced("c", "b")
        await stranger.send(struct.pack(">I", QUICK.question_bytes + 17))
        await stranger.hung_up()


async def test_a_command_that_a_node_does_not_know_is_refused_alone(group: tuple[Node, Node]) -> None:
    _, b = group
    async with stranger_at(b.member.address) as stranger:
        insider = await stranger.introduced("c", "b")
        known = ASK_TYPES[ReadUser](1, 1_000, 1, None, *PERSON, READ)
        await insider.say(msgspec.msgpack.encode([["ask/Teleport", 2, 100, 1, None, "acme", "@", {}], known]))
        unknown, answered = ANSWERS.decode(await insider.heard())
        assert isinstance(unknown, UnavailableAnswer)
        assert (unknown.id, unknown.reason) == (2, "not-understood")
        assert answered.id == 1


async def test_a_peer_that_ignores_the_bounds_is_answered_that_it_is_too_much() -> None:
    settings = msgspec.structs.replace(QUICK, in_flight=2)
    region = AnsweringRegion(None)
    async with two_nodes(region, settings=settings) as (_, _a, b), stranger_at(b.member.address) as stranger:
        insider = await stranger.introduced("c", "b")
        questions = [ASK_TYPES[ReadUser](number, 1_000, 1, None, *PERSON, READ) for number in (1, 2, 3)]
        await insider.say(encode_batch(questions))
        (answer,) = ANSWERS.decode(await insider.heard())
        assert isinstance(answer, FullAnswer)
        assert answer.id == 3
        assert len(region.heard) == 2


async def test_a_client_leaves_a_server_that_is_none(caplog: pytest.LogCaptureFixture) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(open_frame(msgspec.msgpack.encode(Challenge(2, bytes(32)))))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    group = Group()
    a = await start_node("a", group, AnsweringRegion(), answer_s=1.0)
    host, port = server.sockets[0].getsockname()
    group.change([a.member, msgspec.structs.replace(a.member, name="b", address=f"{host}:{port}")])
    group.change(pins=dict.fromkeys(range(4), "b"))
    answer = await a.router.ask(PERSON, READ)
    assert answer == Unavailable("unreachable", 0.5)
    await eventually(lambda: bool(lines(caplog, "speaks version 2")))
    assert len(lines(caplog, "b speaks version 2 of the channel; this node speaks 1")) == 1
    await a.close()
    server.close()
    await server.wait_closed()
