"""TLS on the channel: what the cluster's authority signed gets in, and nothing else, secret or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinelog.actors.answers import Unavailable
from kinelog.domain.commands import ReadUser
from kinelog.domain.identifiers import Person
from kinelog.routing.errors import SecretError
from kinelog.routing.tls import ChannelTls, channel_tls

from tests.cassandra.certificates import Authority
from tests.routing.nodes import DONE, SHARDS, AnsweringRegion, Group, start_node
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


async def test_bytes_without_tls_get_no_challenge(tmp_path: Path) -> None:
    b = await start_node("b", Group(), AnsweringRegion(), tls=Folder(tmp_path, "ours").of_node("b"))
    async with stranger_at(b.member.address) as stranger:
        await stranger.send(b"GET / HTTP/1.1\r\n\r\n")
        assert b"kinelog" not in await stranger.hung_up()
    await b.close()


def test_files_that_are_missing_or_wrong_are_named(tmp_path: Path) -> None:
    ours = Folder(tmp_path, "ours")
    ours.of_node("a")
    with pytest.raises(SecretError, match=r"cluster_ca .*nothing"):
        channel_tls(tmp_path / "nothing", tmp_path / "a-issued.pem", tmp_path / "a-issued.pem")
    (tmp_path / "noise").write_text("noise")
    with pytest.raises(SecretError, match=r"cluster_certificate .*noise"):
        channel_tls(ours.path, tmp_path / "noise", tmp_path / "noise")
