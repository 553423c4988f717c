"""What one frame costs on Cassandra: processor time of each part, bytes on disk. `benchmarks.scale` reckons with it.

The real service takes frames over HTTP as fast as they come, one a request as from a live phone and many a request as
from one that was out of reach, with as many people as `--connections`. Its worker and indexer run beside it. Processor
time of service, worker and server is read before and after. At last everything is flushed and compacted, and the files
of each table are weighed.

    python -m benchmarks.frame_costs --connections 256 --json > costs.json
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

import click
import msgspec
import psutil

from benchmarks.batched_requests import BatchStream
from benchmarks.cassandra_ring import HEAP, cassandra_ring
from benchmarks.http_ingest import KINELOG, TENANT, WARM_S, kinelog, stored_frames, streams_of_people
from benchmarks.http_load import FrameStream, Load, closed_loop
from benchmarks.rounds import machine
from benchmarks.server_process import ServerProcess
from benchmarks.view_lag import ViewLag
from cassandra_server.node import CassandraNode

SHARDS = 8
OVERHEAD_TABLES = ("system",)
COMMITS = "kinelog_journal_commits_total"


class PartCosts(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time of one frame in microseconds of one core of the machine that is named.

    Attributes:
        frames: How many were measured, `frames_a_request` together.
        service_us: The service's own process.
        worker_us: Projection worker and indexer.
        server_us: One Cassandra node, everything that it does for log, keys, index and views.
        events_a_commit: What the shards put together.
    """

    frames_a_request: int
    frames: int
    per_second: float
    service_us: float
    worker_us: float
    server_us: float
    events_a_commit: float


class FrameCosts(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured.

    Attributes:
        frame_bytes: Of a full frame as sent, 50 samples.
        stored_bytes: On one node's disk after compaction, by keyspace, for each frame.
    """

    machine: str
    server_heap: str
    shards: int
    connections: int
    frame_bytes: int
    live: PartCosts
    bulk: PartCosts
    stored_bytes: dict[str, float]
    acknowledged: int
    stored: int


def measure(folder: Path, connections: int, seconds: float, batch: int) -> FrameCosts:
    """Run everything."""
    told = machine()
    with cassandra_ring(1, folder) as cluster:
        (node,) = cluster.nodes
        store = ["--data", str(folder / "data"), "--store", cluster.store_url]
        kinelog("schema", "apply", *store)
        kinelog("tenant", "create", TENANT, *store)
        owner = kinelog("token", "create", "--tenant", TENANT, *store).split()[-1]
        serve = [*KINELOG, "serve", *store, "--port", "0", "--shards", str(SHARDS), "--log-level", "WARNING"]
        with ServerProcess(serve) as service:
            streams = asyncio.run(streams_of_people(service.url, owner, connections))
            warm = closed_loop(service.address, streams, WARM_S)
            ViewLag(service.url).settle()
            live, live_load = _part(service, node, streams, seconds, 1)
            bulk, bulk_load = _part(service, node, streams, seconds, batch)
            stored = asyncio.run(stored_frames(service.url, streams))
        acknowledged = warm.accepted + live_load.accepted + batch * bulk_load.accepted
        return FrameCosts(
            machine=told,
            server_heap=HEAP,
            shards=SHARDS,
            connections=connections,
            frame_bytes=len(streams[0].frames[0]),
            live=live,
            bulk=bulk,
            stored_bytes=_weighed(node, stored),
            acknowledged=acknowledged,
            stored=stored,
        )


def _part(
    service: ServerProcess, node: CassandraNode, streams: Sequence[FrameStream], seconds: float, batch: int
) -> tuple[PartCosts, Load]:
    sending = streams if batch == 1 else [BatchStream.behind(stream, batch) for stream in streams]
    before, commits = _spent(service, node), _commits(service)
    load = closed_loop(service.address, sending, seconds)
    ViewLag(service.url).settle()  # what the views and the index still owe is part of the cost
    for stream, sent in zip(streams, sending, strict=True):
        stream.sent = sent.sent
    frames = batch * load.accepted
    used = [round(1e6 * (after - then) / frames, 1) for then, after in zip(before, _spent(service, node), strict=True)]
    costs = PartCosts(
        frames_a_request=batch,
        frames=frames,
        per_second=round(batch * load.per_second, 1),
        service_us=used[0],
        worker_us=used[1],
        server_us=used[2],
        events_a_commit=round(frames / (_commits(service) - commits), 2),
    )
    return costs, load


def _spent(service: ServerProcess, node: CassandraNode) -> tuple[float, float, float]:
    """Processor seconds of service, worker and server so far."""
    own, everything = service.own_cpu_seconds(), service.cpu_seconds()
    times = psutil.Process(node.pid).cpu_times()
    return own, everything - own, float(times.user + times.system)


def _commits(service: ServerProcess) -> float:
    with urlopen(f"{service.url}/metrics", timeout=30) as answer:  # noqa: S310  # of a server that was started here
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(COMMITS))


def _weighed(node: CassandraNode, frames: int) -> dict[str, float]:
    node.nodetool("flush")
    node.nodetool("compact")
    weights: dict[str, float] = {}
    for keyspace in sorted((node.folder / "data" / "tables").iterdir()):
        if not keyspace.name.startswith(OVERHEAD_TABLES):
            size = sum(file.stat().st_size for file in keyspace.rglob("*") if file.is_file())
            weights[keyspace.name] = round(size / frames, 1)
    return weights


def in_words(costs: FrameCosts) -> str:
    """The figures for people."""
    columns = f"{'service':>10}{'worker':>10}{'Cassandra':>11}{'frames/s':>10}{'in a commit':>13}"
    lines = [
        f"{costs.machine}; one node, heap {costs.server_heap}; {costs.connections} connections, {costs.shards} shards",
        f"{'microseconds of a core a frame':36}{columns}",
    ]
    for part in (costs.live, costs.bulk):
        name = f"{part.frames_a_request} a request ({part.frames:,} frames)"
        lines.append(
            f"{name:36}{part.service_us:10.0f}{part.worker_us:10.0f}{part.server_us:11.0f}{part.per_second:10,.0f}"
            f"{part.events_a_commit:13.1f}"
        )
    weights = ", ".join(f"{name} {size:.0f}" for name, size in costs.stored_bytes.items())
    total = sum(costs.stored_bytes.values())
    lines.append(f"bytes on a node's disk for a frame of {costs.frame_bytes}: {total:.0f} ({weights})")
    lines.append(f"against the frame as sent: {total / costs.frame_bytes:.2f}x a copy")
    lines.append(f"books: {costs.acknowledged} acknowledged, {costs.stored} stored")
    return "\n".join(lines)


@click.command()
@click.option("--connections", default=256, show_default=True, type=click.IntRange(1, 1024))
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.5, 120), help="Of each part.")
@click.option("--batch", default=30, show_default=True, type=click.IntRange(2, 500), help="Frames a bulk request.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="On the disk to measure.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, connections: int, seconds: float, batch: int, folder: Path | None, as_json: bool) -> None:
    r"""Measure what a frame costs: processor time by part, bytes by keyspace.

    \b
    Example:
      python -m benchmarks.frame_costs --connections 256 --json > costs.json
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="kinelog-costs-") as name:
        costs = measure(Path(name), connections, seconds, batch)
    click.echo(msgspec.json.encode(costs).decode() if as_json else in_words(costs))
    sys.exit(0 if costs.stored == costs.acknowledged else 70)


if __name__ == "__main__":
    main()
