"""Addresses of clusters: what is understood, and what is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.cassandra_session.address import CassandraAddress, Credentials
from kinelog.cassandra_session.errors import AddressError


def test_an_address_of_a_host_alone_has_the_usual_port_and_keyspaces() -> None:
    assert CassandraAddress.parse("cassandra://db") == CassandraAddress(("db",), 9042, "kinelog", None, None, 1)


def test_everything_of_an_address_is_read() -> None:
    found = CassandraAddress.parse("cassandra://kin%40log@10.0.0.1:9142,10.0.0.2:9142/gym?dc=north&replication=3")
    assert found == CassandraAddress(("10.0.0.1", "10.0.0.2"), 9142, "gym", "kin@log", "north", 3)


@given(
    hosts=st.lists(st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True), min_size=1, max_size=3),
    port=st.integers(1, 65_535),
    prefix=st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True),
    user=st.none()
    | st.text(min_size=1, max_size=10, alphabet=st.characters(codec="ascii", categories=["L", "N", "P"])),
    replication=st.integers(1, 99),
)
def test_an_address_written_down_is_read_as_the_same(
    hosts: list[str], port: int, prefix: str, user: str | None, replication: int
) -> None:
    address = CassandraAddress(tuple(hosts), port, prefix, user, None, replication)
    assert CassandraAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sqlite:folder", "cassandra://"),
        ("cassandra://", "no host"),
        ("cassandra://db:0/kinelog", "port '0'"),
        ("cassandra://db:70000", "port '70000'"),
        ("cassandra://a:1,b:2", "one port"),
        ("cassandra://db/Kinelog", "prefix 'Kinelog'"),
        ("cassandra://db/kinelog?ttl=5", "'ttl'"),
        ("cassandra://db/kinelog?replication=none", "replication 'none'"),
    ],
)
def test_what_is_wrong_with_an_address_is_named(text: str, named: str) -> None:
    with pytest.raises(AddressError, match=named.replace("?", r"\?")):
        CassandraAddress.parse(text)


def test_a_password_in_an_address_is_refused_and_never_repeated() -> None:
    with pytest.raises(AddressError) as refused:
        CassandraAddress.parse("cassandra://me:secret-word@db/kinelog")
    assert "secret-word" not in str(refused.value)
    assert "KINELOG_CASSANDRA_PASSWORD" in str(refused.value)


def test_credentials_do_not_show_their_password() -> None:
    assert "secret-word" not in repr(Credentials(password="secret-word"))
