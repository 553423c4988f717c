"""A client that costs as little as Python allows: prepared bytes out, the status line and the length in.

A client that is slower than the server measures itself. This one keeps connections open, has one request in flight on
each, formats nothing but the sequence number and the time stamp, and waits on all sockets with one selector.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from array import array
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "
_RECEIVE_BYTES = 65_536
_TIME_STAMP = struct.Struct("<d")
_TIME_STAMP_AT = 4
ANSWER_TIMEOUT_S = 30.0


class Requests(Protocol):
    """What one connection sends, one after the other."""

    def request(self, host: str) -> bytes:
        """The next whole HTTP request."""
        ...


@dataclass(slots=True)
class FrameStream:
    """One device's requests, numbered on and on.

    Attributes:
        session, device: Name the frames together with the number.
        token: The device's.
        frames: `ae` frames to send in turn, each with the time stamp that its number has.
        start_s: Unix seconds of the first.
    """

    session: str
    device: str
    token: str
    frames: Sequence[bytes]
    start_s: float
    sent: int = 0

    def request(self, host: str) -> bytes:
        """The next frame as a whole HTTP request."""
        number, self.sent = self.sent, self.sent + 1
        frame = self.frames[number % len(self.frames)]
        return (
            f"PUT /v1/sessions/{self.session}/frames/{self.device}/{number} HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {len(frame)}\r\n\r\n"
        ).encode() + stamped(frame, self.start_s + number)


def stamped(frame: bytes, at_s: float) -> bytes:
    """An `ae` frame with another time."""
    return b"".join((frame[:_TIME_STAMP_AT], _TIME_STAMP.pack(at_s), frame[_TIME_STAMP_AT + 8 :]))


@dataclass(slots=True)
class Load:
    """What a round of load showed.

    Attributes:
        seconds: How long it took.
        statuses: Answers by HTTP status.
        latencies_s: From when a request was due (open loop) or sent (closed loop) to its whole answer.
        client_cpu_s: Processor time of this process.
    """

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    client_cpu_s: float = 0.0

    @property
    def accepted(self) -> int:
        """Requests that were answered 2xx."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def per_second(self) -> float:
        """Accepted requests a second."""
        return self.accepted / self.seconds

    def latency_s(self, share: float) -> float:
        """The latency that this share of requests did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Connection:
    """A keep-alive connection with at most one request in flight."""

    def __init__(self, address: tuple[str, int], stream: Requests) -> None:
        """Connect."""
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self._host = f"{address[0]}:{address[1]}"
        self._stream = stream
        self._received = b""

    def send(self, due: float) -> None:
        """Send the next request; a frame fits any socket buffer, so this never waits."""
        self.due = due
        self.socket.sendall(self._stream.request(self._host))

    def receive(self) -> int | None:
        """Take what has come; the status when the answer is whole.

        Raises:
            ConnectionError: The server closed the connection.
        """
        data = self.socket.recv(_RECEIVE_BYTES)
        if not data:
            raise ConnectionError("the server closed a kept connection")
        self._received += data
        head = self._received.find(_END_OF_HEAD)
        if head < 0 or len(self._received) < head + len(_END_OF_HEAD) + _content_length(self._received[:head]):
            return None
        status, self._received = int(self._received[9:12]), b""
        return status


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(_LENGTH)
    if at < 0:
        return 0
    return int(lowered[at + len(_LENGTH) :].partition(b"\r\n")[0])


def closed_loop(address: tuple[str, int], streams: Sequence[Requests], seconds: float) -> Load:
    """Saturate: every connection sends its next request as soon as the last one is answered."""
    load = Load()
    with selectors.DefaultSelector() as selector:
        connections = _connect(selector, address, streams)
        cpu, began = time.process_time(), time.perf_counter()
        end = began + seconds
        for connection in connections:
            connection.send(time.perf_counter())
        waiting = len(connections)
        while waiting:
            for connection in _ready(selector):
                status = connection.receive()
                if status is None:
                    continue
                now = time.perf_counter()
                _answered(load, connection, status, now)
                if now < end:
                    connection.send(now)
                else:
                    waiting -= 1
        _finish(load, connections, cpu, began)
    return load


def open_loop(address: tuple[str, int], streams: Sequence[Requests], seconds: float, rate: float) -> Load:
    """Send at a steady rate, whatever the answers do.

    A request that finds no free connection waits, and its wait counts: latency runs from when it was due. Otherwise a
    stall of the server would hide the requests that it kept from being sent.
    """
    load = Load()
    with selectors.DefaultSelector() as selector:
        connections = _connect(selector, address, streams)
        cpu, began = time.process_time(), time.perf_counter()
        free, overdue, total = deque(connections), 0, int(seconds * rate)
        while overdue < total or len(free) < len(connections):
            now = time.perf_counter()
            while free and overdue < total and began + overdue / rate <= now:
                free.popleft().send(began + overdue / rate)
                overdue += 1
            pause = None if overdue == total or not free else max(0.0, began + overdue / rate - now)
            for connection in _ready(selector, pause):
                status = connection.receive()
                if status is not None:
                    _answered(load, connection, status, time.perf_counter())
                    free.append(connection)
        _finish(load, connections, cpu, began)
    return load


def _connect(
    selector: selectors.BaseSelector, address: tuple[str, int], streams: Sequence[Requests]
) -> list[Connection]:
    connections = [Connection(address, stream) for stream in streams]
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    return connections


def _ready(selector: selectors.BaseSelector, timeout_s: float | None = None) -> list[Connection]:
    events = selector.select(ANSWER_TIMEOUT_S if timeout_s is None else timeout_s)
    if not events and timeout_s is None:
        raise TimeoutError(f"no answer for {ANSWER_TIMEOUT_S:.0f} s")
    return [key.data for key, _ in events]


def _answered(load: Load, connection: Connection, status: int, now: float) -> None:
    load.statuses[status] += 1
    load.latencies_s.append(now - connection.due)


def _finish(load: Load, connections: list[Connection], cpu: float, began: float) -> None:
    load.seconds = time.perf_counter() - began
    load.client_cpu_s = time.process_time() - cpu
    for connection in connections:
        connection.socket.close()
