"""One frame on its way, from the phone's request to the views, as spans tell it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kinelog.api.settings import ApiSettings
from kinelog.journal.records import CommitName
from kinelog.observability import tracing
from kinelog.observability.sampling import ID_BYTES, TAIL_BYTES
from kinelog.observability.tracing import TraceSettings, TracingError
from opentelemetry.sdk.trace import ReadableSpan

from tests.api.conftest import QUICK, SESSION, World, make_frame, running
from tests.observability.kept_spans import KeptSpans, kept_spans, linked, parent_id, span_id, trace_id
from tests.routing.nodes import eventually

PHONE_TRACE, PHONE_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KEPT = f"00-{PHONE_TRACE}-{PHONE_SPAN}-01"
NOT_KEPT = f"00-{PHONE_TRACE}-{PHONE_SPAN}-00"
PUT = "PUT /v1/sessions/{session}/frames/{device}/{seq}"
ENTIRE = TraceSettings(endpoint="http://127.0.0.1:1", ratio=1.0, node="n1", version="1")
RARE = TraceSettings(endpoint="http://127.0.0.1:1", ratio=1e-6, node="n1", version="1")


async def put(world: World, token: str, number: int, traceparent: str | None = None) -> int:
    headers = {} if traceparent is None else {"traceparent": traceparent}
    path = f"/v1/sessions/{SESSION}/frames/phone/{number}"
    return (await world.call("PUT", path, token, data=make_frame(number), headers=headers)).status


def names(world: World) -> dict[str, tuple[int, CommitName]]:
    """Every commit of the log by its id: its shard and its place."""
    journal = world.services.journal
    return {
        name.commit_id.hex(): (shard, name)
        for shard in range(journal.shards)
        for name in journal.commits(shard, 0, journal.head(shard))
    }


def spans_of(kept: KeptSpans, trace: str) -> list[ReadableSpan]:
    return [span for span in kept.all() if trace_id(span) == trace]


@pytest.fixture
def trace(tmp_path: Path) -> Callable[..., None]:
    """Runs a scenario against a traced service."""

    def run(scenario: Callable[[World, KeptSpans], object], settings: TraceSettings = ENTIRE) -> None:
        async def whole(kept: KeptSpans) -> None:
            async with running(tmp_path / "world", QUICK) as world:
                token = await world.person("ludwig")
                await world.started(token)
                world.tokens["ludwig"] = token
                await scenario(world, kept)  # type: ignore[misc]  # a coroutine, by every caller

        with kept_spans(settings) as kept:
            asyncio.run(whole(kept))

    return run


def test_a_frame_is_followed_from_the_phones_request_over_the_commit_into_the_views(trace: Callable[..., None]) -> None:
    async def scenario(world: World, kept: KeptSpans) -> None:
        assert await put(world, "ludwig", 0, KEPT) == 201
        request = kept.one(PUT)
        assert (trace_id(request), parent_id(request)) == (PHONE_TRACE, PHONE_SPAN)

        ((commit_id, commit_span),) = linked(request)
        (commit,) = [span for span in kept.named("commit") if trace_id(span) == commit_id]
        assert parent_id(commit) is None
        assert span_id(commit) == commit_span
        assert linked(commit) == {(PHONE_TRACE, span_id(request))}

        shard, name = names(world)[commit_id]  # the id of the trace stands in the log
        await eventually(lambda: len(spans_of(kept, commit_id)) == 2)
        (projection,) = [span for span in spans_of(kept, commit_id) if span is not commit]
        assert projection.name == "project"
        assert parent_id(projection) == commit_span
        for span in (commit, projection):
            assert span.attributes is not None
            assert span.attributes["kinelog.shard"] == shard
            assert span.attributes["kinelog.epoch"] == name.epoch
            assert span.attributes["kinelog.first_position"] == name.first
        assert projection.end_time is not None
        assert commit.start_time is not None
        assert projection.end_time > commit.start_time

    trace(scenario)


def test_everything_that_was_committed_is_a_trace_that_ends_in_the_views(trace: Callable[..., None]) -> None:
    async def scenario(world: World, kept: KeptSpans) -> None:
        assert set(await asyncio.gather(*(put(world, "ludwig", number) for number in range(40)))) == {201}
        logged = names(world)
        await eventually(lambda: {trace_id(span) for span in kept.named("project")} == set(logged))
        assert {trace_id(span) for span in kept.named("commit")} == set(logged)
        assert len(kept.named("project")) == len(logged)

    trace(scenario)


@pytest.fixture
def nothing_drawn_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every random id lies in the upper half, far above a rare share: that none is kept is no matter of luck."""
    drawn = os.urandom

    def upper_half(size: int) -> bytes:
        tail = ID_BYTES - TAIL_BYTES
        return bytes(byte | 0x80 if at % ID_BYTES == tail else byte for at, byte in enumerate(drawn(size)))

    monkeypatch.setattr(os, "urandom", upper_half)


@pytest.mark.usefixtures("nothing_drawn_is_kept")
def test_of_a_rare_share_the_phones_own_trace_is_whole_and_the_others_are_not_there(trace: Callable[..., None]) -> None:
    async def scenario(world: World, kept: KeptSpans) -> None:
        for number in range(10):
            assert await put(world, "ludwig", number) == 201
        assert await put(world, "ludwig", 10, NOT_KEPT) == 201
        assert kept.all() == []
        assert await put(world, "ludwig", 11, KEPT) == 201
        ((commit_id, _),) = linked(kept.one(PUT))
        await eventually(lambda: [span.name for span in spans_of(kept, commit_id)] == ["commit", "project"])
        assert len(kept.all()) == 3

    trace(scenario, RARE)


def test_spans_name_nobody_and_hold_nothing_of_what_was_sent(trace: Callable[..., None]) -> None:
    async def scenario(world: World, kept: KeptSpans) -> None:
        await put(world, "ludwig", 0, KEPT)
        await world.call("GET", f"/v1/users/ludwig/sessions/{SESSION}?format=secret", "owner")
        await world.call("POST", "/v1/devices:pair", body={"code": "alpine-SECRET12", "device": "x", "kind": "y"})
        await world.call("PUT", "/v1/users/secret-name", "owner", body={"profile": {"height_cm": "secret"}})
        await world.call("GET", "/nowhere/secret", "kl.alpine.t0.secretsecretsecret")
        told = "".join(span.to_json() for span in kept.all())
        for secret in ("secret", "SECRET", "ludwig", world.tokens["ludwig"], SESSION):
            assert secret not in told, secret

    trace(scenario)


@pytest.mark.parametrize("listens", [False, True], ids=["away", "silent"])
def test_a_collector_that_does_not_answer_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, listens: bool
) -> None:
    monkeypatch.setattr("kinelog.observability.open_telemetry.CLOSE_S", 0.2)
    monkeypatch.setattr("kinelog.observability.open_telemetry.EXPORT_S", 0.5)
    before = set(threading.enumerate())

    async def whole() -> None:
        # Connections are taken, by the system, and nobody ever answers.
        with socket.create_server(("127.0.0.1", 0)) as silent:
            endpoint = f"http://127.0.0.1:{silent.getsockname()[1] if listens else 1}"
            tracing.start(TraceSettings(endpoint=endpoint, ratio=1.0, node="n1", version="1"))
            async with running(tmp_path / "world", QUICK) as world:
                token = await world.person("ludwig")
                await world.started(token)
                statuses = await asyncio.gather(*(put(world, token, number) for number in range(100)))
                assert set(statuses) == {201}
                began = time.monotonic()
                await asyncio.to_thread(tracing.stop)
                assert time.monotonic() - began < 5

    try:
        asyncio.run(whole())
    finally:
        tracing.stop()
        for thread in set(threading.enumerate()) - before:  # what nobody waited for goes on for a moment
            thread.join()


def test_nothing_is_traced_and_open_telemetry_is_not_loaded_where_nobody_asked() -> None:
    assert tracing.start(TraceSettings(endpoint=None, ratio=1.0, node="n1", version="1")) is None
    assert tracing.active() is None
    program = (
        "import sys\n"
        "import kinelog.service.commands.serve, kinelog.service.commands.project, kinelog.service.running\n"
        "import kinelog.routing.router\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_asking_for_traces_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kinelog.observability.open_telemetry", None)
    with pytest.raises(TracingError, match=r"kinelog\[tracing\]"):
        tracing.start(ENTIRE)


@pytest.mark.parametrize(("endpoint", "ratio"), [("collector:4318", 1.0), ("http://127.0.0.1:1", 0.0)])
def test_an_address_or_a_share_that_cannot_be_is_refused(endpoint: str, ratio: float) -> None:
    with pytest.raises(TracingError, match=r"otlp_endpoint|trace_ratio"):
        tracing.start(TraceSettings(endpoint=endpoint, ratio=ratio, node="n1", version="1"))
    assert tracing.active() is None


def test_an_application_that_nobody_watches_has_nothing_around_its_handlers() -> None:
    from kinelog.api.observing import observing

    assert observing(ApiSettings()) == []
