"""The handshake: who knows the secret gets in, and nobody else, by whatever they saw or make up."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.errors import HandshakeError, SecretError
from kinelog.routing.handshake import (
    VERSION,
    Challenge,
    ClientHandshake,
    Established,
    Hello,
    ServerHandshake,
    Welcome,
    refusal_of,
)

SECRET = ClusterSecret(b"0123456789abcdef0123456789abcdef")
OTHER = ClusterSecret(b"0123456789abcdef0123456789abcdeF")


def hello_of(server: ServerHandshake, client: ClientHandshake) -> bytes:
    hello = client.receive(server.challenge())
    assert isinstance(hello, bytes)
    return hello


def test_two_who_know_the_secret_agree_on_names_and_keys() -> None:
    server, client = ServerHandshake("b", SECRET), ClientHandshake("a", "b", SECRET)
    at_server, welcome = server.receive(hello_of(server, client))
    at_client = client.receive(welcome)
    assert isinstance(at_client, Established)
    assert (at_server.peer, at_client.peer) == ("a", "b")
    assert at_server.reads_with == at_client.writes_with
    assert at_client.reads_with == at_server.writes_with
    assert at_server.reads_with != at_server.writes_with


def test_a_client_with_another_secret_is_refused_in_words() -> None:
    server, client = ServerHandshake("b", SECRET), ClientHandshake("a", "b", OTHER)
    with pytest.raises(HandshakeError, match="another secret") as caught:
        server.receive(hello_of(server, client))
    with pytest.raises(HandshakeError, match=r"b refuses: .*another secret"):
        client.receive(refusal_of(caught.value))


def test_a_server_with_another_secret_is_not_believed() -> None:
    server, client = ServerHandshake("b", SECRET), ClientHandshake("a", "b", SECRET)
    hello_of(server, client)
    for proof in (bytes(32), OTHER.proof("the server knows the secret", b"")):
        with pytest.raises(HandshakeError, match="does not prove"):
            client.receive(msgspec.msgpack.encode(Welcome("b", proof)))


def test_a_welcome_without_a_challenge_is_not_believed() -> None:
    with pytest.raises(HandshakeError, match="does not prove"):
        ClientHandshake("a", "b", SECRET).receive(msgspec.msgpack.encode(Welcome("b", bytes(32))))


def test_a_hello_that_was_recorded_is_worth_nothing_later() -> None:
    server, client = ServerHandshake("b", SECRET), ClientHandshake("a", "b", SECRET)
    recorded = hello_of(server, client)
    server.receive(recorded)
    with pytest.raises(HandshakeError, match="proof"):
        ServerHandshake("b", SECRET).receive(recorded)


def test_a_proof_is_worth_nothing_in_the_other_direction() -> None:
    server, client = ServerHandshake("b", SECRET), ClientHandshake("a", "b", SECRET)
    mirrored = msgspec.msgpack.decode(hello_of(server, client), type=Hello).proof
    with pytest.raises(HandshakeError, match="does not prove"):
        client.receive(msgspec.msgpack.encode(Welcome("b", mirrored)))


def test_a_proof_under_another_name_is_refused() -> None:
    server, client = ServerHandshake("b", SECRET), ClientHandshake("a", "b", SECRET)
    hello = msgspec.msgpack.decode(hello_of(server, client), type=Hello)
    with pytest.raises(HandshakeError, match="proof"):
        server.receive(msgspec.msgpack.encode(msgspec.structs.replace(hello, name="c")))


def test_who_wants_another_node_is_told_so() -> None:
    server, client = ServerHandshake("b", SECRET), ClientHandshake("a", "c", SECRET)
    with pytest.raises(HandshakeError, match="another node"):
        server.receive(hello_of(server, client))


def test_a_peer_of_another_version_is_refused_in_words_on_both_sides() -> None:
    server, client = ServerHandshake("b", SECRET), ClientHandshake("a", "b", SECRET)
    hello = msgspec.msgpack.decode(hello_of(server, client), type=Hello)
    with pytest.raises(HandshakeError, match=f"version {VERSION + 1}.*version {VERSION}"):
        server.receive(msgspec.msgpack.encode(msgspec.structs.replace(hello, version=VERSION + 1)))
    with pytest.raises(HandshakeError, match=f"b speaks version {VERSION + 1}"):
        ClientHandshake("a", "b", SECRET).receive(msgspec.msgpack.encode(Challenge(VERSION + 1, bytes(32))))


def test_a_server_that_challenges_twice_is_left() -> None:
    client = ClientHandshake("a", "b", SECRET)
    client.receive(ServerHandshake("b", SECRET).challenge())
    with pytest.raises(HandshakeError, match="twice"):
        client.receive(ServerHandshake("b", SECRET).challenge())


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words_by_both_sides(payload: bytes) -> None:
    with pytest.raises(HandshakeError):
        ServerHandshake("b", SECRET).receive(payload)
    with pytest.raises(HandshakeError):
        ClientHandshake("a", "b", SECRET).receive(payload)


@pytest.mark.parametrize("payload", [b"\x91" * 1_000, b"\x96\xa5hello\x01" + b"\x91" * 900], ids=["deep", "deep hello"])
def test_deep_nesting_is_refused_in_words(payload: bytes) -> None:
    with pytest.raises(HandshakeError):
        ServerHandshake("b", SECRET).receive(payload)


def test_a_short_secret_is_refused_and_no_secret_is_shown() -> None:
    with pytest.raises(SecretError, match="31 bytes, at least 32"):
        ClusterSecret(b"0123456789abcdef0123456789abcde")
    assert "0123" not in repr(SECRET)
    assert "0123" not in str(SECRET)
