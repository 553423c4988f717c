"""TLS on the channel: what the cluster's authority signed gets in, and nothing else, secret or not."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from kinelog.actors.answers import Unavailable
from kinelog.domain.commands import ReadUser
from kinelog.domain.identifiers import Person
from kinelog.routing.errors import SecretError
from kinelog.routing.tls import ChannelTls, channel_tls

from tests.cassandra.certificates import Authority
from tests.routing.nodes import DONE, QUICK, SHARDS, AnsweringRegion, Group, Node, start_node
from tests.routing.strangers import stranger_at

PERSON = Person("demo", "0" * 32)
READ = ReadUser(at_ms=1)


class Folder:
    """Of one authority and what it signed."""

    def __init__(self, folder: Path, name: str) -> None:
        self._authority = Authority()
        self._folder = folder
        self.path = self._authority.certificate(folder / f"{name}.pem")

    def of_node(self, name: str) -> ChannelTls:
        """What a node of this name uses."""
        issued = self._authority.issue(self._folder / f"{name}-issued.pem", "127.0.0.1")
        return channel_tls(self.path, issued, issued)


async def asked(of_a: ChannelTls | None, of_b: ChannelTls | None, answer_s: float = 30.0) -> object:
    group = Group()
    a = await start_node("a", group, AnsweringRegion(), answer_s=answer_s, tls=of_a)
    b = await start_node("b", group, AnsweringRegion(), tls=of_b)
    group.change(pins=dict.fromkeys(range(SHARDS), "b"))
    try:
        return await a.router.ask(PERSON, READ)
    finally:
        await a.close()
        await b.close()


async def test_nodes_of_one_authority_ask_each_other(tmp_path: Path) -> None:
    ours = Folder(tmp_path, "ours")
    assert await asked(ours.of_node("a"), ours.of_node("b")) == DONE


@pytest.mark.parametrize("who", ["client", "server", "client without", "server without"])
async def test_a_node_of_another_authority_or_without_tls_is_left_out(tmp_path: Path, who: str) -> None:
    ours, others = Folder(tmp_path, "ours"), Folder(tmp_path, "others")
    of_a = {"client": others.of_node("a"), "client without": None}.get(who, ours.of_node("c"))
    of_b = {"server": others.of_node("b"), "server without": None}.get(who, ours.of_node("d"))
    answer = await asked(of_a, of_b, answer_s=0.4)
    assert isinstance(answer, Unavailable)
    assert answer.reason == "unreachable"


@dataclass(frozen=True)
class Guarded:
    """A node that asks for certificates, and whoever comes without one of ours."""

    node: Node
    others: ChannelTls

    async def visit(self, context: ssl.SSLContext | None, data: bytes = b"") -> bytes:
        """Come with these certificates, or without TLS, and say something; what came back until the node hung up."""
        host, _, port = self.node.member.address.rpartition(":")
        async with asyncio.timeout(10.0):
            try:
                reader, writer = await asyncio.open_connection(
                    host, int(port), ssl=context, server_hostname=host if context else None
                )
                writer.write(data)
                with closing(writer):
                    return await reader.read()
            except (ssl.SSLError, ConnectionError):
                return b""


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    node = await start_node("b", Group(), AnsweringRegion(), tls=Folder(tmp_path, "ours").of_node("b"))
    yield Guarded(node, Folder(tmp_path, "others").of_node("a"))
    await node.close()


def anonymous() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def trusting(foreign: ssl.SSLContext) -> ssl.SSLContext:
    """Who shows a foreign certificate, and takes any."""
    foreign.verify_mode = ssl.CERT_NONE
    return foreign


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("plain", "http request"),
        ("noise", "no TLS: "),
        ("a foreign certificate", "its certificate is not one of ours"),
        ("no certificate", "peer did not return a certificate"),
    ],
)
async def test_who_comes_without_a_certificate_of_ours_gets_no_challenge_and_is_named_in_one_line(
    guarded: Guarded, how: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    match how:
        case "plain" | "noise":
            said = await guarded.visit(None, {"plain": b"GET / HTTP/1.1\r\n\r\n"}.get(how, bytes(100)))
        case "a foreign certificate":
            said = await guarded.visit(trusting(guarded.others.client))
        case _:
            said = await guarded.visit(anonymous())
    assert b"kinelog" not in said
    [line] = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert re.match(r"refused on the channel: 127\.0\.0\.1:\d+: ", line.getMessage())
    assert why in line.getMessage()
    assert line.exc_info is None
    assert (guarded.node.server.refused, len(guarded.node.server._strangers)) == (1, 0)


async def test_who_only_connects_is_hung_up_on_after_as_long_as_a_handshake_may_take(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hurried = msgspec.structs.replace(QUICK, handshake_s=0.2)
    ours = Folder(tmp_path, "ours").of_node("b")
    b = await start_node("b", Group(), AnsweringRegion(), tls=ours, settings=hurried)
    async with stranger_at(b.member.address) as stranger:
        assert await stranger.hung_up() == b""
    assert "no handshake within 0.2 s" in caplog.text
    assert b.server.refused == 1
    await b.close()


async def test_strangers_that_never_speak_tls_give_way_to_a_node_that_does(tmp_path: Path) -> None:
    ours, group = Folder(tmp_path, "ours"), Group()
    few = msgspec.structs.replace(QUICK, handshakes=4)
    b = await start_node("b", group, AnsweringRegion(), tls=ours.of_node("b"), settings=few)
    a = await start_node("a", group, AnsweringRegion(), tls=ours.of_node("a"))
    group.change(pins=dict.fromkeys(range(SHARDS), "b"))
    async with AsyncExitStack() as silent:
        strangers = [await silent.enter_async_context(stranger_at(b.member.address)) for _ in range(6)]
        assert await a.router.ask(PERSON, READ) == DONE
        assert [await stranger.hung_up() for stranger in strangers[:2]] == [b"", b""]
    await a.close()
    await b.close()


def test_files_that_are_missing_or_wrong_are_named(tmp_path: Path) -> None:
    ours = Folder(tmp_path, "ours")
    ours.of_node("a")
    with pytest.raises(SecretError, match=r"cluster_ca .*nothing"):
        channel_tls(tmp_path / "nothing", tmp_path / "a-issued.pem", tmp_path / "a-issued.pem")
    (tmp_path / "noise").write_text("noise")
    with pytest.raises(SecretError, match=r"cluster_certificate .*noise"):
        channel_tls(ours.path, tmp_path / "noise", tmp_path / "noise")
