"""The handshake: both sides prove that they know the cluster's secret, to each other and now. Pure but for the nonces.

    server → client   challenge   version, nonce
    client → server   hello       version, its name, whom it wants to speak to, nonce, proof
    server → client   welcome     its name, proof            (or: refusal, in words)

A proof covers version, both nonces and both names, so that it is worth nothing in another conversation, to another node
or in the other direction. Whoever does not know the secret learns nothing but a nonce.
"""

from __future__ import annotations

import os
from typing import Annotated, NamedTuple

import msgspec
from kinelog.routing.cluster_secret import ClusterSecret
from kinelog.routing.errors import UNREADABLE, HandshakeError
from msgspec import Meta

VERSION = 1
NONCE_BYTES = 32
NODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9.-]{0,62}\Z"

Name = Annotated[str, Meta(pattern=NODE_PATTERN)]
Nonce = Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
Proof = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Challenge(msgspec.Struct, frozen=True, array_like=True, tag="kinelog"):
    """What a server says first."""

    version: int
    nonce: Nonce


class Hello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    """Who wants to speak to whom, and the proof."""

    version: int
    name: Name
    wants: Name
    nonce: Nonce
    proof: Proof


class Welcome(msgspec.Struct, frozen=True, array_like=True, tag="welcome"):
    """Who answers, and the proof."""

    name: Name
    proof: Proof


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag="refused"):
    """Why not, for people."""

    words: Annotated[str, Meta(max_length=200)]


class Established(NamedTuple):
    """Both sides are known to each other.

    Attributes:
        peer: Name of the other side.
        reads_with: Key of the frames that come in.
        writes_with: Key of the frames that go out.
    """

    peer: str
    reads_with: bytes
    writes_with: bytes


_TO_SERVER = "frames to the server"
_TO_CLIENT = "frames to the client"
_CLIENT = "the client knows the secret"
_SERVER = "the server knows the secret"
_ENCODER = msgspec.msgpack.Encoder()
_AT_SERVER = msgspec.msgpack.Decoder(Hello)
_AT_CLIENT = msgspec.msgpack.Decoder(Challenge | Welcome | Refusal)


class ServerHandshake:
    """The side that was connected to."""

    def __init__(self, name: str, secret: ClusterSecret) -> None:
        """As the node of this name."""
        self._name = name
        self._secret = secret
        self._nonce = os.urandom(NONCE_BYTES)

    def challenge(self) -> bytes:
        """What to send first."""
        return _ENCODER.encode(Challenge(VERSION, self._nonce))

    def receive(self, payload: bytes) -> tuple[Established, bytes]:
        """Judge a hello: who it is, and what to answer.

        Raises:
            HandshakeError: It is none, or proves nothing; `refusal_of` says so to the other side.
        """
        hello = _decode_hello(payload)
        if hello.version != VERSION:
            raise HandshakeError(f"version {hello.version} of the channel; this node speaks version {VERSION}")
        if hello.wants != self._name:
            raise HandshakeError("this is another node than the one asked for")
        transcript = _transcript(self._nonce, hello.nonce, hello.name, self._name)
        if not self._secret.proves(hello.proof, _CLIENT, transcript):
            raise HandshakeError("the proof is not right: another secret?")
        welcome = Welcome(self._name, self._secret.proof(_SERVER, transcript))
        to_server, to_client = _keys(self._secret, transcript)
        return Established(hello.name, to_server, to_client), _ENCODER.encode(welcome)


class ClientHandshake:
    """The side that connected."""

    def __init__(self, name: str, wants: str, secret: ClusterSecret) -> None:
        """As the node of this name, to speak to the node `wants`."""
        self._name = name
        self._wants = wants
        self._secret = secret
        self._nonce = os.urandom(NONCE_BYTES)
        self._transcript = b""

    def receive(self, payload: bytes) -> bytes | Established:
        """Take a message of the server: what to answer, or that both are known now.

        Raises:
            HandshakeError: The server refused, speaks another version, or proves nothing.
        """
        try:
            message = _AT_CLIENT.decode(payload)
        except UNREADABLE as error:
            raise HandshakeError(f"{self._wants} does not speak this protocol") from error
        if isinstance(message, Refusal):
            raise HandshakeError(f"{self._wants} refuses: {message.words!a}")
        if isinstance(message, Challenge):
            return self._hello(message)
        return self._established(message)

    def _hello(self, challenge: Challenge) -> bytes:
        if self._transcript:
            raise HandshakeError(f"{self._wants} challenges twice")
        if challenge.version != VERSION:
            words = f"{self._wants} speaks version {challenge.version} of the channel; this node speaks {VERSION}"
            raise HandshakeError(words)
        self._transcript = _transcript(challenge.nonce, self._nonce, self._name, self._wants)
        proof = self._secret.proof(_CLIENT, self._transcript)
        return _ENCODER.encode(Hello(VERSION, self._name, self._wants, self._nonce, proof))

    def _established(self, welcome: Welcome) -> Established:
        known = self._transcript and self._secret.proves(welcome.proof, _SERVER, self._transcript)
        if not known or welcome.name != self._wants:
            raise HandshakeError(f"{self._wants} does not prove who it is: another secret?")
        to_server, to_client = _keys(self._secret, self._transcript)
        return Established(welcome.name, to_client, to_server)


def refusal_of(error: HandshakeError) -> bytes:
    """What to tell the other side before the connection is closed."""
    return _ENCODER.encode(Refusal(str(error)[:200]))


def _decode_hello(payload: bytes) -> Hello:
    try:
        return _AT_SERVER.decode(payload)
    except UNREADABLE as error:
        raise HandshakeError("not a hello of this protocol") from error


def _transcript(server_nonce: bytes, client_nonce: bytes, client: str, server: str) -> bytes:
    return _ENCODER.encode((VERSION, server_nonce, client_nonce, client, server))


def _keys(secret: ClusterSecret, transcript: bytes) -> tuple[bytes, bytes]:
    return secret.proof(_TO_SERVER, transcript), secret.proof(_TO_CLIENT, transcript)
