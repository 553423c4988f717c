"""What a parent process and its children say to each other about who is there: two messages, each of them complete.

They travel over a `SOCK_SEQPACKET` pair that the child inherits: no file, no port, nobody else can join, and the system
keeps the messages apart. A message that does not fit the socket's buffer is dropped and not waited for: the next one
says everything that it said.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from kinelog.actors.membership.errors import MembershipError
from kinelog.actors.membership.port import Member

LONGEST_BYTES = 128 * 1024
"""Of a message; also about what a socket's buffer takes at once."""

MOST_CHILDREN = 64
MOST_PINS = 1024
"""A roster of so many fits a message."""

Message = TypeVar("Message", "Present", "Roster")


class ParentGoneError(MembershipError):
    """The other end of the pair is closed: that process is gone."""


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """From a child: I am here.

    Attributes:
        member: The whole announcement, each time.
        sent_s: `time.monotonic()` before it was sent. One machine has one such clock, so the parent counts the session
            from here, and the child's lease is exact.
    """

    member: Member
    sent_s: float


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """From the parent: who is there.

    Attributes:
        life: The newest life of the child that is told. If it is neither among the members nor among the workers, it
            is over: its session expired.
        counted_s: The stamp that this life's session is counted from.
        members: Everybody, by name and life; operators' drain flags merged.
        pins: Shard → name of the node that an operator moved it to.
        workers: Children that only read the log; not of the members.
    """

    life: str
    counted_s: float
    members: tuple[Member, ...]
    pins: Mapping[int, str]
    workers: tuple[Member, ...] = ()


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a channel, neither of which ever blocks.

    Raises:
        MembershipError: The system has no such sockets.
    """
    try:
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except (AttributeError, OSError) as error:
        raise MembershipError(f"several processes need an operating system with SOCK_SEQPACKET: {error}") from error
    for end in ends:
        end.settimeout(0)
    return ends


def send(end: socket.socket, message: Present | Roster) -> bool:
    """Send a message whole or not at all; whether it was sent.

    Raises:
        ParentGoneError: The other end is closed.
        MembershipError: The message is longer than any may be.
    """
    data = msgspec.msgpack.encode(message)
    if len(data) > LONGEST_BYTES:
        raise MembershipError(f"a message of {len(data)} bytes is over the {LONGEST_BYTES} that a channel takes")
    try:
        end.send(data)
    except BlockingIOError:
        return False
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ParentGoneError("the other end is closed") from error
    return True


def receive(end: socket.socket, kind: type[Message]) -> Message | None:
    """The next message, or None if there is none yet.

    Raises:
        ParentGoneError: The other end is closed.
        MembershipError: It is no such message.
    """
    try:
        data = end.recv(LONGEST_BYTES + 1)
    except BlockingIOError:
        return None
    except ConnectionResetError as error:
        raise ParentGoneError("the other end is closed") from error
    if not data:
        raise ParentGoneError("the other end is closed")
    if len(data) > LONGEST_BYTES:
        raise MembershipError(f"a message is over the {LONGEST_BYTES} bytes that a channel takes")
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MembershipError(f"not a {kind.__name__}: {error}") from error
