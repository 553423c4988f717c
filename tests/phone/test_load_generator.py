"""The load generator: it counts every answer once, and a stall cannot hide in it."""

from __future__ import annotations

import socket
from itertools import pairwise

import pytest
from kinelog.codecs.frames import summarize
from kinelog.phone.phone_session import SessionScript
from kinelog.phone.watch import WatchFrame

from benchmarks.http_load import Connection, FrameStream, closed_loop, open_loop
from benchmarks.view_lag import ShardHistory
from tests.phone.fake_service import OWNER, FakeService

FRAMES = [
    step.data
    for step in SessionScript(1, 0, 0, 0, 0.5).steps()
    if isinstance(step, WatchFrame) and len(step.data) == 270
]
ANSWER = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{"status":"stored"}'


def stream(session: str = "s") -> FrameStream:
    return FrameStream(session, "pebble", OWNER, FRAMES, 1_700_000_000.0)


def address(service: FakeService) -> tuple[str, int]:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return host, int(port)


def test_every_frame_is_numbered_once_and_stamped_a_second_later() -> None:
    one = stream()
    requests = [one.request("h") for _ in range(len(FRAMES) + 3)]
    bodies = [request.partition(b"\r\n\r\n")[2] for request in requests]
    starts = [summarize(body).blocks[0].start_ms for body in bodies]
    assert [int(request.split(b" ")[1].rsplit(b"/")[-1]) for request in requests] == list(range(len(requests)))
    assert all(
        later is not None and earlier is not None and later - earlier == 1000 for earlier, later in pairwise(starts)
    )


def test_an_answer_in_pieces_counts_when_it_is_whole() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    connection = Connection(listener.getsockname()[:2], stream())
    server, _ = listener.accept()
    with listener, server, connection.socket:
        for at in range(len(ANSWER) - 1):
            server.sendall(ANSWER[at : at + 1])
            assert connection.receive() is None
        server.sendall(ANSWER[-1:])
        assert connection.receive() == 201
        server.close()
        with pytest.raises(ConnectionError):
            connection.receive()


def test_what_a_saturated_server_acknowledges_is_what_it_stores(service: FakeService) -> None:
    streams = [stream(f"s{number}") for number in range(4)]
    service.starts.update({one.session: {} for one in streams})
    load = closed_loop(address(service), streams, 0.3)
    stored = sum(len(frames) for frames in service.frames.values())
    assert load.accepted == stored == sum(one.sent for one in streams) == len(load.latencies_s) > 0


def test_refusals_are_counted_apart(service: FakeService) -> None:
    load = open_loop(address(service), [stream("not-started")], 0.2, 50.0)
    assert load.accepted == 0
    assert load.statuses == {409: 10}


def test_a_steady_rate_is_kept_by_count(service: FakeService) -> None:
    streams = [stream(f"s{number}") for number in range(4)]
    service.starts.update({one.session: {} for one in streams})
    load = open_loop(address(service), streams, 0.5, 100.0)
    assert load.accepted == 50
    assert load.seconds >= 49 / 100.0, "the last is due so late, and none was sent before it was"


def test_lag_is_the_age_of_the_first_event_that_the_views_lack() -> None:
    shard = ShardHistory()
    for second, (head, behind) in enumerate([(10, 0), (20, 10), (30, 15), (30, 15), (30, 0)]):
        shard.saw(head, behind, float(second))
    assert shard.lags_s == [0.0, 1.0, 2.0, 3.0, 0.0]
