"""Durable frames a second over HTTP, against a bare aiohttp handler in the same run.

One frame a request on kept connections, each answered after its commit. Rounds of the two servers alternate, so that
whatever else the machine does meets both. Then: latency at half of what the service reached, with requests due at a
steady rate; and how late the views are while frames come as fast as they can.

    python -m benchmarks.http_ingest --seconds 10 --rounds 3
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
import click
import msgspec
from kinelog.phone.answers import DeviceTokens
from kinelog.phone.client import OperatorClient, PhoneClient, SessionStart, redeem
from kinelog.phone.credentials import Credentials
from kinelog.phone.phone_session import SessionScript
from kinelog.phone.transport import Transport
from kinelog.phone.watch import WatchFrame

from benchmarks.http_load import FrameStream, Load, closed_loop, open_loop
from benchmarks.server_process import ServerProcess
from benchmarks.view_lag import ViewLag

KINELOG = (sys.executable, "-m", "kinelog.service")
TENANT = "benchmark"
WATCH = "pebble"
FRAMES_OF_A_PERSON = 120
HALF = 0.5
WARM_S = 1.0
"""Imports, caches, the first pages of the log."""


class IngestFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the run showed; times in milliseconds unless said otherwise.

    Attributes:
        ratio: Median of the service's rounds over median of the bare handler's.
        client_share: The client's processor time over wall time, in the service's rounds: 1.0 is one whole core.
        server_share: The same of the service with its projection worker.
        fsync_ms: Median of writing 4 KiB and fsync on the disk of the data folder.
        view_lag_p99_s: How late the views were at full load;
        acknowledged, stored: Frames that were answered 2xx, and that the service says it holds.
    """

    cores: int
    connections: int
    fsync_ms: float
    fsync_p99_ms: float
    bare_per_second: list[float]
    service_per_second: list[float]
    ratio: float
    client_share: float
    client_share_bare: float
    server_share: float
    closed_loop_p50_ms: float
    closed_loop_p99_ms: float
    half_load_per_second: float
    half_load_p50_ms: float
    half_load_p99_ms: float
    view_lag_p99_s: float
    views_settled: bool
    acknowledged: int
    stored: int
    refused: dict[int, int]


def fsync_times_ms(folder: Path, times: int = 100) -> list[float]:
    """How long it takes to append 4 KiB and fsync, sorted."""
    measured = []
    path = folder / "fsync.probe"
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            os.fsync(file.fileno())
            measured.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return sorted(measured)


def kinelog(*arguments: str) -> str:
    """Run a command of ours; what it printed."""
    done = subprocess.run([*KINELOG, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def user_name(number: int) -> str:
    """Of one of the people."""
    return f"bench-{number:03d}"


async def streams_of_people(url: str, owner: str, people: int) -> list[FrameStream]:
    """Register people, pair a phone each, start a session each, and make their movement."""
    started_ms = time.time_ns() // 1_000_000
    streams = []
    async with aiohttp.ClientSession() as http:
        transport = Transport(http, url)
        desk = OperatorClient(transport, owner)
        for number in range(people):
            user, session = user_name(number), str(uuid4())
            await desk.register(user)
            tokens = await redeem(transport, (await desk.pairing_code(user)).code, WATCH, "pebble")
            await PhoneClient(Credentials(transport, tokens)).start(session, SessionStart(started_ms))
            streams.append(FrameStream(session, WATCH, tokens.token, frames_of(number), started_ms / 1000))
    return streams


def frames_of(number: int) -> list[bytes]:
    """Full frames of one simulated person."""
    steps = SessionScript(1, number, 0, 0, FRAMES_OF_A_PERSON * 1.1 / 58).steps()
    frames = [step.data for step in steps if isinstance(step, WatchFrame)]
    return [frame for frame in frames if len(frame) == 270][:FRAMES_OF_A_PERSON]


async def stored_frames(url: str, streams: Sequence[FrameStream]) -> int:
    """How many frames the service says it holds."""
    total = 0
    async with aiohttp.ClientSession() as http:
        transport = Transport(http, url)
        for stream in streams:
            phone = PhoneClient(Credentials(transport, DeviceTokens(stream.token)))
            total += (await phone.received(stream.session)).of(WATCH).stored
    return total


def measure(folder: Path, connections: int, seconds: float, rounds: int) -> IngestFigures:
    """Run everything."""
    kinelog("tenant", "create", TENANT, "--data", str(folder))
    owner = kinelog("token", "create", "--tenant", TENANT, "--data", str(folder)).split()[-1]
    fsync = fsync_times_ms(folder)
    serve = [*KINELOG, "serve", "--data", str(folder), "--port", "0", "--log-level", "WARNING"]
    with ServerProcess([sys.executable, "-m", "benchmarks.bare_handler"]) as bare, ServerProcess(serve) as service:
        streams = asyncio.run(streams_of_people(service.url, owner, connections))
        contest = _alternate(bare, service, streams, seconds, rounds)
        settled = ViewLag(service.url).settle()
        half = open_loop(service.address, streams, seconds, contest.reached * HALF)
        settled &= ViewLag(service.url).settle()
        with ViewLag(service.url) as lag:
            full = closed_loop(service.address, streams, seconds)
        return _figures(contest, half, full, fsync=fsync, lag=lag, settled=settled, service=service, streams=streams)


@dataclass(slots=True)
class Contest:
    """Rounds of both servers, one after the other.

    Attributes:
        warm: Frames that the service took before anything was measured.
        bare, service: The rounds.
        server_cpu_s: Processor time of the service in its rounds.
    """

    warm: int
    bare: list[Load] = field(default_factory=list)
    service: list[Load] = field(default_factory=list)
    server_cpu_s: float = 0.0

    @property
    def reached(self) -> float:
        """The service's frames a second: the median round."""
        return statistics.median(load.per_second for load in self.service)


def _alternate(
    bare: ServerProcess, service: ServerProcess, streams: Sequence[FrameStream], seconds: float, rounds: int
) -> Contest:
    """Let both serve the same requests in turn."""
    idle = [FrameStream(s.session, s.device, s.token, s.frames, s.start_s) for s in streams]
    closed_loop(bare.address, idle, WARM_S)
    contest = Contest(closed_loop(service.address, streams, WARM_S).accepted)
    for _ in range(rounds):
        ViewLag(service.url).settle()  # or the bare handler would share the machine with the views' catching up
        contest.bare.append(closed_loop(bare.address, idle, seconds))
        spent = service.cpu_seconds()
        contest.service.append(closed_loop(service.address, streams, seconds))
        contest.server_cpu_s += service.cpu_seconds() - spent
    return contest


def _figures(
    contest: Contest,
    half: Load,
    full: Load,
    *,
    fsync: list[float],
    lag: ViewLag,
    settled: bool,
    service: ServerProcess,
    streams: Sequence[FrameStream],
) -> IngestFigures:
    every = [*contest.service, half, full]
    last = contest.service[-1]
    return IngestFigures(
        cores=os.cpu_count() or 1,
        connections=len(streams),
        fsync_ms=round(statistics.median(fsync), 3),
        fsync_p99_ms=round(fsync[int(0.99 * len(fsync))], 3),
        bare_per_second=[round(load.per_second, 1) for load in contest.bare],
        service_per_second=[round(load.per_second, 1) for load in contest.service],
        ratio=round(contest.reached / statistics.median(load.per_second for load in contest.bare), 3),
        client_share=_share(contest.service),
        client_share_bare=_share(contest.bare),
        server_share=round(contest.server_cpu_s / sum(load.seconds for load in contest.service), 3),
        closed_loop_p50_ms=_ms(last.latency_s(0.5)),
        closed_loop_p99_ms=_ms(last.latency_s(0.99)),
        half_load_per_second=round(half.per_second, 1),
        half_load_p50_ms=_ms(half.latency_s(0.5)),
        half_load_p99_ms=_ms(half.latency_s(0.99)),
        view_lag_p99_s=round(lag.percentile_s(0.99), 3),
        views_settled=settled,
        acknowledged=contest.warm + sum(load.accepted for load in every),
        stored=asyncio.run(stored_frames(service.url, streams)),
        refused=_refused(every),
    )


def _share(loads: Sequence[Load]) -> float:
    """Cores that the client used."""
    return round(sum(load.client_cpu_s for load in loads) / sum(load.seconds for load in loads), 3)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _refused(loads: Sequence[Load]) -> dict[int, int]:
    refused: dict[int, int] = {}
    for load in loads:
        for status, count in load.statuses.items():
            if status >= 300:
                refused[status] = refused.get(status, 0) + count
    return refused


def in_words(figures: IngestFigures) -> str:
    """The figures for people."""
    cores = f"service {figures.server_share}; client {figures.client_share}, with bare {figures.client_share_bare}"
    half_load = f"{figures.half_load_per_second} frames/s due at a steady rate"
    rows = {
        "machine": f"{figures.cores} cores; append 4 KiB + fsync {figures.fsync_ms} ms, p99 {figures.fsync_p99_ms} ms",
        "bare aiohttp handler": f"{figures.bare_per_second} requests/s",
        "kinelog, durable": f"{figures.service_per_second} frames/s over {figures.connections} connections",
        "ratio": f"{figures.ratio}",
        "cores used": cores,
        "latency, saturated": f"p50 {figures.closed_loop_p50_ms} ms, p99 {figures.closed_loop_p99_ms} ms",
        "latency, half load": f"p50 {figures.half_load_p50_ms} ms, p99 {figures.half_load_p99_ms} ms at {half_load}",
        "views, full load": f"p99 {figures.view_lag_p99_s} s behind the log",
        "books": f"{figures.acknowledged} acknowledged, {figures.stored} stored, {figures.refused or 'none'} refused",
    }
    return "\n".join(f"{name:<22}{row}" for name, row in rows.items())


@click.command()
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1, 1024))
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.5, 120), help="Of one round.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="On the disk to measure.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, connections: int, seconds: float, rounds: int, folder: Path | None, as_json: bool) -> None:
    """Measure durable ingest over HTTP against a bare handler; prints ratios, promises nothing."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="kinelog-ingest-") as data:
        figures = measure(Path(data), connections, seconds, rounds)
    click.echo(msgspec.json.encode(figures).decode() if as_json else in_words(figures))
    sys.exit(0 if figures.stored == figures.acknowledged else 70)


if __name__ == "__main__":
    main()
