"""What goes wrong beneath, on the way, and in ourselves: each has its status, and none says too much."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from kinelog.actors.answers import Answer, Erased, Unavailable
from kinelog.actors.errors import MailboxFullError, StoppingError
from kinelog.api.problem_catalogue import KIND_OF_CODE, kind_of
from kinelog.domain.commands import Command, RecordFrames
from kinelog.domain.identifiers import Person
from kinelog.projections.errors import ViewsUnavailableError
from typing_extensions import override

Serve = Callable[..., None]
MakeFrame = Callable[..., bytes]


class Failing:
    """A region that answers one kind of command in its own way."""

    def __init__(self, inner: Any, outcome: Answer | Exception, kind: type[Command] = RecordFrames) -> None:
        self.inner, self.outcome, self.kind = inner, outcome, kind

    async def ask(self, person: Person, command: Command) -> Answer:
        if not isinstance(command, self.kind):
            answer: Answer = await self.inner.ask(person, command)
            return answer
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.parametrize(
    ("outcome", "status", "code", "retry_after"),
    [
        (MailboxFullError(3, 0.2), 429, "busy", "1"),
        (StoppingError(), 503, "unavailable", "1"),
        (Unavailable("storage-full", 2.5), 503, "unavailable", "3"),
        (Unavailable("outcome-unknown"), 503, "unavailable", "1"),
        (Unavailable("something-new"), 503, "unavailable", "1"),
        (Erased(), 410, "user-erased", None),
        (RuntimeError("secret detail"), 500, "internal", None),
    ],
)
def test_what_a_shard_answers_becomes_a_status(
    serve: Serve, frame: MakeFrame, session: str, caplog: pytest.LogCaptureFixture, outcome: Any, status: int,
    code: str, retry_after: str | None,
) -> None:  # fmt: skip
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        authentication = world.client.app
        object.__setattr__(world.services, "region", Failing(world.services.region, outcome))
        assert authentication is not None
        path = f"/v1/sessions/{session}/frames/watch/0"
        with caplog.at_level(logging.ERROR):
            reply = await world.call("PUT", path, device, data=frame(), headers={"X-Request-Id": "mine-1"})
        assert (reply.status, reply.code, reply.headers.get("Retry-After")) == (status, code, retry_after)
        assert reply.json["request_id"] == reply.headers["X-Request-Id"] == "mine-1"
        assert b"secret detail" not in reply.body
        assert ("mine-1" in caplog.text) == (status == 500)
        object.__setattr__(world.services, "region", world.services.region.inner)

    serve(scenario)


class Silent(Failing):
    """A region whose store never says what became of one kind of command."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner, Unavailable("never"))

    @override
    async def ask(self, person: Person, command: Command) -> Answer:
        if isinstance(command, self.kind):
            await asyncio.Event().wait()
        answer: Answer = await self.inner.ask(person, command)
        return answer


def test_nobody_waits_longer_for_a_silent_store_than_is_configured(
    serve: Serve, frame: MakeFrame, session: str
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        services, real = world.services, world.services.region
        object.__setattr__(services, "settings", replace(services.settings, answer_s=0.05))
        object.__setattr__(services, "region", Silent(real))
        reply = await world.call("PUT", f"/v1/sessions/{session}/frames/watch/0", device, data=frame())
        assert (reply.status, reply.code, reply.headers.get("Retry-After")) == (503, "unavailable", "1")
        object.__setattr__(services, "region", real)
        hanging = threading.Event()
        services.read_side.sessions_of_person = lambda *_, **__: hanging.wait(10)
        try:
            reply = await world.call("GET", "/v1/users/ada/sessions", device)
            assert (reply.status, reply.code, reply.headers.get("Retry-After")) == (503, "unavailable", "1")
        finally:
            hanging.set()

    serve(scenario)


def test_views_that_cannot_be_read_are_a_503_and_a_metric(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()

        def unavailable(*_: object, **__: object) -> None:
            raise ViewsUnavailableError

        real = world.services.read_side
        real.sessions_of_person = unavailable
        reply = await world.call("GET", "/v1/users/ada/sessions", device)
        assert (reply.status, reply.code) == (503, "unavailable")
        real.as_of = unavailable
        assert (await world.call("GET", "/metrics")).status == 200

    serve(scenario)


def test_unknown_paths_and_wrong_methods_are_problems(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        nowhere = await world.call("GET", "/v1/nowhere")
        assert (nowhere.status, nowhere.code) == (404, "not-found")
        wrong = await world.call("POST", "/v1/gyms/city", "owner")
        assert (wrong.status, wrong.code) == (405, "method-not-allowed")
        assert wrong.headers["Allow"] == "GET, HEAD, PUT"
        assert len(wrong.json["request_id"]) == 16
        odd = await world.call("GET", "/v1/nowhere", headers={"X-Request-Id": "a b\tc"})
        assert odd.json["request_id"] != "a b\tc"

    serve(scenario)


async def _raw(world: Any, head: str, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send bytes as they are; what comes back until the server closes or is silent."""
    server = world.client.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(head.replace("\n", "\r\n").encode())
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause_s)
    answer = b""
    async with asyncio.timeout(60):
        while chunk := await reader.read(65_536):
            answer += chunk
            if b"\r\n\r\n" in answer and b"}" in answer:
                break
    writer.close()
    return answer


def test_a_body_that_drips_is_timed_out(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        # From here on: what made the person has bodies too, which a machine at work may bring a moment late.
        object.__setattr__(world.services, "settings", replace(world.services.settings, body_timeout_s=0.1))
        head = (
            f"PUT /v1/sessions/{session}/frames/watch/0 HTTP/1.1\nHost: x\nAuthorization: Bearer {device}\n"
            "Content-Type: application/octet-stream\nContent-Length: 1000\n\n"
        )
        answer = await _raw(world, head, b"ae")
        assert b" 408 " in answer.splitlines()[0]
        assert b"/problems/body-timeout" in answer
        assert b"Connection: close" in answer

    serve(scenario)


def test_a_chunked_body_without_end_is_cut_at_the_cap(serve: Serve, session: str, quick: Any) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        head = (
            f"PUT /v1/sessions/{session}/frames/watch/0 HTTP/1.1\nHost: x\nAuthorization: Bearer {device}\n"
            "Content-Type: application/octet-stream\nTransfer-Encoding: chunked\n\n"
        )
        chunk = b"4000\r\n" + bytes(0x4000) + b"\r\n"
        answer = await _raw(world, head, *[chunk] * 6)
        assert b" 413 " in answer.splitlines()[0]

    serve(scenario, replace(quick, lingering_s=0.1))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid-json"),
        (b"\xff", "invalid-json"),
        (b'{"rating": 1} x', "invalid-json"),
        (b"[" * 100_000, "invalid-body"),
        (b'{"text": ' + b"[" * 100_000, "invalid-body"),
        (b'{"rating": 3, "x": 1}', "invalid-body"),
        (b'{"rating": 1e999}', "invalid-body"),
        (b'{"rating": 123456789012345678901234567890}', "invalid-body"),
        (b'{"rating": 3, "text": "\\ud800"}', "invalid-json"),
        (b"[]", "invalid-body"),
        (b" " * 300_000, "body-too-large"),
    ],
)
def test_json_that_is_none_or_endless_or_wrong_is_a_problem(serve: Serve, body: bytes, code: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        headers = {"Content-Type": "application/json"}
        reply = await world.call("PUT", "/v1/users/ada/feedback", device, data=body, headers=headers)
        assert reply.code == code
        text = await world.call("PUT", "/v1/users/ada/feedback", device, data=body, headers={"Content-Type": "text/x"})
        assert text.status == 415

    serve(scenario)


def test_a_metric_counts_requests_by_template_and_frames_by_outcome(
    serve: Serve, frame: MakeFrame, session: str
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        for _ in range(2):
            await world.call("PUT", f"/v1/sessions/{session}/frames/watch/0", device, data=frame())
        reply = await world.call("GET", "/metrics")
        assert reply.headers["Content-Type"].startswith("text/plain")
        text = reply.body.decode()
        template = 'method="PUT",route="/v1/sessions/{session}/frames/{device}/{seq}"'
        assert f'kinelog_api_requests_total{{{template},status="201"}} 1.0' in text
        assert f'kinelog_api_requests_total{{{template},status="200"}} 1.0' in text
        assert f"kinelog_api_request_seconds_count{{{template}}} 2.0" in text
        assert 'kinelog_api_frames_total{outcome="stored"} 1.0' in text
        assert 'kinelog_projection_lag_events{shard="3"}' in text
        assert "kinelog_journal_head" in text
        assert device not in text

    serve(scenario)


def test_a_code_that_the_catalogue_does_not_have_still_has_a_status() -> None:
    assert kind_of("brand-new").status == 422
    assert kind_of("brand-new", retryable=True).status == 409
    assert kind_of("busy") is KIND_OF_CODE["busy"]
