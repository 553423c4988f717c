"""How late the views are, and how fast they are folded: `python -m benchmarks.projection_lag`.

The service runs as it does everywhere, with its projection worker beside it, and 64 connections send frames as fast as
they are answered. That gives the ingest of this run and, seen through `/metrics`, how far the views are behind. Then
the service stops, and the log that it wrote is

1. folded from its beginning into an empty store by the code of the live worker, and
2. folded anew beside those views and switched, as `kinelog project --rebuild all` does,

each given as a multiple of the ingest of the same run. Processor time is given besides: it is what a shared machine
cannot spoil.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
from kinelog.projections.rebuild import Rebuild
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.worker import ProjectionWorker
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.opened_data import open_data

from benchmarks.http_ingest import KINELOG, TENANT, WARM_S, kinelog, streams_of_people
from benchmarks.http_load import closed_loop
from benchmarks.server_process import ServerProcess
from benchmarks.view_lag import SCRAPE_EVERY_S, ViewLag

WANTED_LAG_S = 1.0
WANTED_TIMES_INGEST = 5.0
COLLECT_AFTER = (50_000, 20, 50)
"""As `kinelog project` sets it."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """What the service took.

    Attributes:
        per_second: Frames.
        lag_p50_s: Of the views while the frames came; `lag_p99_s` and `lag_worst_s` likewise.
        settled: Whether the views caught up behind it.
    """

    per_second: float
    lag_p50_s: float
    lag_p99_s: float
    lag_worst_s: float
    settled: bool


@dataclass(frozen=True, slots=True)
class Folded:
    """One way through the whole log: events, and what they took in wall and processor seconds."""

    events: int
    seconds: float
    cpu_s: float


def ingest(folder: Path, connections: int, seconds: float) -> Ingest:
    """Run the service at full load for so long."""
    kinelog("tenant", "create", TENANT, "--data", str(folder))
    owner = kinelog("token", "create", "--tenant", TENANT, "--data", str(folder)).split()[-1]
    serve = [*KINELOG, "serve", "--data", str(folder), "--port", "0", "--log-level", "WARNING"]
    with ServerProcess(serve) as service:
        streams = asyncio.run(streams_of_people(service.url, owner, connections))
        closed_loop(service.address, streams, WARM_S)
        ViewLag(service.url).settle()
        with ViewLag(service.url) as lag:
            load = closed_loop(service.address, streams, seconds)
        settled = ViewLag(service.url).settle()
    return Ingest(load.per_second, lag.percentile_s(0.5), lag.percentile_s(0.99), lag.percentile_s(1.0), settled)


def timed(work: Callable[[], object], events: int) -> Folded:
    """Do it once."""
    began, spent = time.perf_counter(), time.process_time()
    work()
    return Folded(events, time.perf_counter() - began, time.process_time() - spent)


def fold_log(folder: Path) -> tuple[Folded, Folded]:
    """Fold the log of a stopped service from its beginning, then rebuild what came of it."""
    gc.set_threshold(*COLLECT_AFTER)
    with open_data(DataFolder(folder), load_settings(folder)) as opened:
        events = sum(map(opened.journal.head, range(opened.journal.shards)))
        store = SqliteViews(folder / "folded" / "views.db")
        caught_up = timed(ProjectionWorker(opened.journal, opened.codec, store).catch_up, events)
        rebuilt = timed(Rebuild(opened.journal, opened.codec, store).run, events)
        store.close()
    return caught_up, rebuilt


def in_words(taken: Ingest, folded: dict[str, Folded]) -> str:
    """The figures for people."""
    p50, p99, worst = taken.lag_p50_s, taken.lag_p99_s, taken.lag_worst_s
    ratio = WANTED_LAG_S / max(p99, SCRAPE_EVERY_S)
    lines = [
        f"{'HTTP ingest of this run':34}{taken.per_second:10,.0f} frames/s",
        f"{'views behind it':34}p50 {p50:.2f} s, p99 {p99:.2f} s, worst {worst:.2f} s; {ratio:.2f}x wanted",
        f"{'':34}{'events/s':>10}{'x ingest':>10}{'x wanted':>10}{'events/CPU s':>14}",
    ]
    for name, way in folded.items():
        rate = way.events / way.seconds
        times = rate / taken.per_second
        lines.append(
            f"{name:34}{rate:10,.0f}{times:10.2f}{times / WANTED_TIMES_INGEST:10.2f}{way.events / way.cpu_s:14,.0f}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1, 1024))
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.5, 120), help="Of full load.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="On the disk to measure.")
def main(*, connections: int, seconds: float, folder: Path | None) -> None:
    """Measure the views' lag at full ingest, and folding against the ingest; prints ratios, promises nothing."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="kinelog-views-") as data:
        taken = ingest(Path(data), connections, seconds)
        caught_up, rebuilt = fold_log(Path(data))
    click.echo(in_words(taken, {"live worker, catching up": caught_up, "rebuild of all views with switch": rebuilt}))
    sys.exit(0 if taken.settled else 70)


if __name__ == "__main__":
    main()
