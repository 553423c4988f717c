"""Durable frames a second over HTTP on Cassandra, against the same service on a journal in memory; and folding them.

One frame a request on kept connections, each answered after its commit. Rounds of the services alternate. None of the
two has a projection worker while it is measured, since what lies in the memory of one process no other can fold. Then
Cassandra's service runs once more as it does everywhere, with its worker and indexer beside it; that figure is given,
and is not part of the ratio. At last the service stops, and a worker that is behind by all of that folds it into the
structured tables in Cassandra, against the ingest of the same run.

    python -m benchmarks.cassandra_ingest --connections 256 --rounds 3
"""

from __future__ import annotations

import asyncio
import gc
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec
from kinelog.projections.worker import ProjectionWorker
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.opened_data import open_data

from benchmarks.cassandra_ring import HEAP, cassandra_ring
from benchmarks.http_ingest import KINELOG, TENANT, WARM_S, kinelog, stored_frames, streams_of_people
from benchmarks.http_load import Load, closed_loop
from benchmarks.projection_lag import COLLECT_AFTER
from benchmarks.rounds import machine, ratio, spread
from benchmarks.server_process import ServerProcess

SHARDS = 8
WANTED_OF_MEMORY = 0.35
WANTED_TIMES_INGEST = 3.0
OWNER_TOKEN = re.compile(r"owner token (\S+)")


class ClusterIngest(msgspec.Struct, frozen=True, kw_only=True):
    """What the run showed.

    Attributes:
        memory_per_second, cassandra_per_second: Frames, a figure a round, without projection workers.
        of_memory: Ratio of their medians.
        with_worker_per_second: Frames, on Cassandra, with worker and indexer.
        folded_per_second: Events that a worker folds when it is behind.
        times_ingest: The same over the median of `cassandra_per_second`.
        acknowledged, stored: Frames that were answered 2xx, and that the service on Cassandra says it holds.
    """

    machine: str
    server_heap: str
    shards: int
    connections: int
    memory_per_second: list[float]
    cassandra_per_second: list[float]
    of_memory: float
    with_worker_per_second: float
    folded_events: int
    folded_per_second: float
    times_ingest: float
    acknowledged: int
    stored: int


def measure(folder: Path, data: Path, connections: int, seconds: float, rounds: int) -> ClusterIngest:
    """Run everything."""
    told = machine()
    with cassandra_ring(1, folder) as cluster:
        store = ["--data", str(data), "--store", cluster.store_url]
        kinelog("schema", "apply", *store)
        kinelog("tenant", "create", TENANT, *store)
        owner = kinelog("token", "create", "--tenant", TENANT, *store).split()[-1]
        serve = [*KINELOG, "serve", *store, "--port", "0", "--shards", str(SHARDS), "--log-level", "WARNING"]
        memory: list[float] = []
        loads: list[Load] = []
        in_memory = [sys.executable, "-m", "benchmarks.memory_service", str(data / "memory"), str(SHARDS)]
        with ServerProcess(in_memory) as other, ServerProcess([*serve, "--no-projections"]) as service:
            idle = asyncio.run(streams_of_people(other.url, other.said(OWNER_TOKEN), connections))
            streams = asyncio.run(streams_of_people(service.url, owner, connections))
            closed_loop(other.address, idle, WARM_S)
            loads.append(closed_loop(service.address, streams, WARM_S))
            fold_behind(data, cluster.store_url)  # makes the views' tables, which is no part of folding
            for _ in range(rounds):
                memory.append(round(closed_loop(other.address, idle, seconds).per_second, 1))
                loads.append(closed_loop(service.address, streams, seconds))
        reached = [round(load.per_second, 1) for load in loads[1:]]
        events, folded = fold_behind(data, cluster.store_url)
        with ServerProcess(serve) as service:
            loads.append(closed_loop(service.address, streams, WARM_S))
            loads.append(closed_loop(service.address, streams, seconds))
            stored = asyncio.run(stored_frames(service.url, streams))
    return ClusterIngest(
        machine=told,
        server_heap=HEAP,
        shards=SHARDS,
        connections=connections,
        memory_per_second=memory,
        cassandra_per_second=reached,
        of_memory=ratio(reached, memory),
        with_worker_per_second=round(loads[-1].per_second, 1),
        folded_events=events,
        folded_per_second=round(folded, 1),
        times_ingest=round(folded / statistics.median(reached), 2),
        acknowledged=sum(load.accepted for load in loads),
        stored=stored,
    )


def fold_behind(data: Path, store: str) -> tuple[int, float]:
    """Fold what nobody has folded yet; how many events, and how many a second."""
    gc.set_threshold(*COLLECT_AFTER)
    with open_data(DataFolder(data), load_settings(data, store=store), may_write=False) as opened:
        views = opened.view_store()
        worker = ProjectionWorker(opened.journal, opened.codec, views)
        began = time.perf_counter()
        events = worker.catch_up()
        taken = time.perf_counter() - began
        views.close()
    return events, events / taken


def in_words(figures: ClusterIngest) -> str:
    """The figures for people."""
    connections = f"{figures.connections} connections, {figures.shards} shards"
    fold = f"{figures.folded_per_second:,.0f} events/s, {figures.times_ingest:.2f}x ingest"
    lines = [
        f"{figures.machine}; one node, heap {figures.server_heap}; {connections}",
        f"{'frames/s':34}    median (smallest to largest of {len(figures.memory_per_second)} rounds)",
        f"{'journal in memory':34}{spread(figures.memory_per_second)}",
        f"{'Cassandra':34}{spread(figures.cassandra_per_second)}",
        f"{'Cassandra, worker and indexer too':34}{figures.with_worker_per_second:10,.0f} (one round)",
        f"Cassandra against memory: {figures.of_memory:.2f} (wanted: {WANTED_OF_MEMORY})",
        f"{figures.folded_events:,} events folded: {fold} (wanted: {WANTED_TIMES_INGEST}x)",
        f"books: {figures.acknowledged} acknowledged, {figures.stored} stored",
    ]
    return "\n".join(lines)


@click.command()
@click.option("--connections", default=256, show_default=True, type=click.IntRange(1, 1024))
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.5, 120), help="Of one round.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="On the disk to measure.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, connections: int, seconds: float, rounds: int, folder: Path | None, as_json: bool) -> None:
    r"""Measure durable ingest on Cassandra against memory, and folding against ingest; prints ratios.

    \b
    Example:
      python -m benchmarks.cassandra_ingest --connections 256 --rounds 3
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="kinelog-ingest-") as name:
        figures = measure(Path(name), Path(name) / "data", connections, seconds, rounds)
    click.echo(msgspec.json.encode(figures).decode() if as_json else in_words(figures))
    sys.exit(0 if figures.stored == figures.acknowledged else 70)


if __name__ == "__main__":
    main()
