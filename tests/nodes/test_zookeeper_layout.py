"""What lies in ZooKeeper is read as it was written; what nobody of ours wrote is left out and said once."""

from __future__ import annotations

import logging

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.actors.membership.errors import CoordinatorAddressError
from kinelog.actors.membership.port import LIFE, NAME, Member
from kinelog.actors.membership.zookeeper_layout import Entry, EntryReader, GroupPaths, ZooKeeperAddress, written

MEMBERS = st.builds(
    Member,
    name=st.from_regex(NAME, fullmatch=True),
    life=st.from_regex(LIFE, fullmatch=True),
    address=st.text(max_size=50),
    version=st.text(max_size=50),
    reads=st.integers(1, 1000),
    weight=st.floats(0.001, 1000.0),
    salt=st.integers(0, 255),
    draining=st.booleans(),
)


def entry(name: str, data: bytes, *, created: int = 1, changed: int = 1) -> Entry:
    return Entry(name, data, 0, created, changed, 0)


def of(member: Member, *, created: int = 1) -> Entry:
    return entry(f"{member.name}-{member.life}", written(member), created=created)


def node(name: str, life: str = "00000000", **fields: object) -> Member:
    return msgspec.convert({"name": name, "life": life, "address": "", "version": "1", "reads": 1, **fields}, Member)


@given(MEMBERS)
def test_a_member_is_read_as_it_was_written(member: Member) -> None:
    assert EntryReader().members([of(member)], []) == [member]


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_bytes_are_a_member_or_left_out(data: bytes, name: str) -> None:
    for member in EntryReader().members([entry(name, data)], []):
        assert name == f"{member.name}-{member.life}"
    for shard, pinned in EntryReader().pins([entry(name, data)]).items():
        assert name == str(shard)
        assert NAME.fullmatch(pinned)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a-00000000", b""),
        ("a-00000000", b"\xc1"),
        ("b-00000000", written(node("a"))),
        ("a-00000000", msgspec.msgpack.encode({"name": "a", "life": "00000000"})),
        ("a-00000000", written(node("a")).replace(b"weight", b"wEight") + b"x"),
        ("a-00000000", written(node("a", address="x" * 200)) * 30),
        ("a-00000000", msgspec.msgpack.encode({**msgspec.to_builtins(node("a")), "weight": -1.0})),
        ("a-00000000", msgspec.msgpack.encode({**msgspec.to_builtins(node("a")), "weight": float("nan")})),
        ("a-00000000", msgspec.msgpack.encode({**msgspec.to_builtins(node("a")), "salt": 256})),
    ],
)
def test_a_damaged_member_is_ignored_and_said_once(name: str, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    reader, good = EntryReader(), node("c")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert reader.members([entry(name, data), of(good)], []) == [good]
        assert len(caplog.records) == 1
        assert name in caplog.text
        reader.members([entry(name, data, changed=2)], [])
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x", b"a"),
        ("-1", b"a"),
        ("01", b"a"),
        ("1" * 5000, b"a"),
        ("3", b""),
        ("3", b"\xff"),
        ("65536", b"a"),
        ("٣", b"a"),
    ],
)
def test_a_damaged_pin_is_ignored(name: str, data: bytes) -> None:
    assert EntryReader().pins([entry(name, data), entry("7", b"b")]) == {7: "b"}


def test_of_two_lives_of_one_name_the_elder_takes_part() -> None:
    elder, younger = node("a", "ffffffff"), node("a", "00000000")
    assert EntryReader().members([of(younger, created=9), of(elder, created=3)], []) == [elder]
    assert EntryReader().members([of(younger, created=9)], []) == [younger]


def test_a_node_that_an_operator_drained_drains_whatever_it_says_itself() -> None:
    [a, b] = EntryReader().members([of(node("a")), of(node("b"))], ["b", "c"])
    assert (a.draining, b.draining) == (False, True)


@pytest.mark.parametrize(
    ("text", "hosts", "root"),
    [
        ("zk", ("zk:2181",), "/kinelog"),
        ("zk1:2181,zk2:2182/a/b", ("zk1:2181", "zk2:2182"), "/a/b"),
        ("[::1]:2181,127.0.0.1/x", ("[::1]:2181", "127.0.0.1:2181"), "/x"),
        ("[::1]", ("[::1]:2181",), "/kinelog"),
    ],
)
def test_an_address_is_hosts_and_a_root(text: str, hosts: tuple[str, ...], root: str) -> None:
    assert ZooKeeperAddress.parse(text) == ZooKeeperAddress(hosts, root)


@pytest.mark.parametrize(
    "text", ["", "zk:", "zk:0", "zk:70000", "zk,,zk", "zk/", "zk//a", "zk:2181/a b", "u@zk:1", "zk:x"]
)
def test_another_address_is_refused_and_named(text: str) -> None:
    with pytest.raises(CoordinatorAddressError, match="zookeeper: "):
        ZooKeeperAddress.parse(text)


@pytest.mark.parametrize("group", ["", "Nodes", "a/b", "-a", "a" * 33])
def test_a_group_is_a_word(group: str) -> None:
    with pytest.raises(CoordinatorAddressError, match="name of a group"):
        GroupPaths("/kinelog", group)
