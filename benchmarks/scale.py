"""What very many people cost: frames, shards, commits, processor cores, bytes, money. Reckoned from measured figures.

Nothing here is measured; what it reckons with is, by the commands that are named, and what it assumes of people and
prices is printed first and can be changed. The queue in front of a shard is simulated (`shard_queue.py`).

    python -m benchmarks.scale --people 1000000
    python -m benchmarks.frame_costs --json > costs.json && python -m benchmarks.scale --costs costs.json
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from benchmarks.frame_costs import FrameCosts, PartCosts
from benchmarks.shard_queue import CommitTime, Queued, most_requests_per_second, simulate

REPLICAS = 3
BUSY = 0.5
"""Share of a processor that is planned for: the rest is for a lost node, compaction, the unevenness of a minute."""
WITHIN_MS = 250.0
DAYS_A_MONTH = 30.4

RECORDED = FrameCosts(
    machine="2 cores, idle otherwise", server_heap="2G", shards=8, connections=256, frame_bytes=270,
    live=PartCosts(frames_a_request=1, frames=23_300, per_second=2_872, service_us=179, worker_us=137, server_us=394,
                   events_a_commit=31.0),
    bulk=PartCosts(frames_a_request=30, frames=130_740, per_second=15_787, service_us=38, worker_us=55, server_us=154,
                   events_a_commit=783),
    stored_bytes={"kinelog_log": 946, "kinelog_views": 254}, acknowledged=160_260, stored=160_260,
)  # fmt: skip
"""What `benchmarks.frame_costs` printed on the machine of docs/benchmarks.md."""

COMMIT_ON_THREE = CommitTime(fixed_ms=11.0, event_ms=0.031)
"""From `benchmarks.cassandra_commits --nodes 3`, 64 and 256 events a commit, one shard in flight."""


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """What is assumed of people.

    Attributes:
        sessions_a_week: Of everybody who is counted.
        minutes: Of a session, with frames all the time.
        frames_a_second: Of all devices that somebody wears.
        busiest_hour: Share of a day's training that falls into it.
        live: Share of frames that come one a request; the rest comes in requests of many.
    """

    sessions_a_week: float = 2.0
    minutes: float = 60.0
    frames_a_second: float = 1.0
    busiest_hour: float = 0.12
    live: float = 0.7


class ServerCost(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds of one Cassandra node: of a commit, however large, and of each frame in it."""

    commit_us: float
    frame_us: float

    @classmethod
    def of(cls, costs: FrameCosts) -> ServerCost:
        """The line through both measurements: small commits cost by their number, large ones by what is in them."""
        live, bulk = costs.live, costs.bulk
        share_live, share_bulk = 1 / live.events_a_commit, 1 / bulk.events_a_commit
        commit = max(0.0, (live.server_us - bulk.server_us) / (share_live - share_bulk))
        return cls(commit_us=commit, frame_us=max(0.0, bulk.server_us - commit * share_bulk))


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """What is assumed of prices, a month."""

    core: float = 20.0
    terabyte: float = 90.0


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What so many people need.

    Attributes:
        at_once: People who train in the busiest hour, at one time.
        shards: As many as processes need, so that work can move in small pieces.
        shard_limit_per_second: Frames of one shard until its queue is too slow, all of them live.
        service_processes: Interpreters, each with a core that is half busy.
    """

    people: float
    at_once: float
    frames_per_second: float
    requests_per_second: float
    frames_a_day: float
    shards: int
    shard_frames_per_second: float
    shard_limit_per_second: float
    queue_p99_ms: float
    commits_per_second: float
    events_a_commit: float
    service_processes: int
    worker_processes: int
    cassandra_cores: int
    bytes_a_day: float
    terabytes_a_year: float
    cores_a_month: float
    storage_a_month: float


def need(
    people: float, at_once: float | None, costs: FrameCosts, habits: Habits, prices: Prices, shards_a_process: int
) -> Need:
    """Reckon; `at_once` None goes by the habits."""
    a_day = people * habits.sessions_a_week / 7
    hours = habits.minutes / 60
    training = a_day * habits.busiest_hour * hours if at_once is None else at_once
    frames = training * habits.frames_a_second
    live, bulk = costs.live, costs.bulk

    def microseconds(of_live: float, of_bulk: float) -> float:
        return habits.live * of_live + (1 - habits.live) * of_bulk

    service = frames * microseconds(live.service_us, bulk.service_us) / 1e6 / BUSY
    worker = frames * microseconds(live.worker_us, bulk.worker_us) / 1e6 / BUSY
    processes = max(2, math.ceil(service))
    shards = shards_a_process * processes
    requests = frames * (habits.live + (1 - habits.live) / bulk.frames_a_request)
    queue = _queue(requests / shards, frames / requests)
    of_server = ServerCost.of(costs)
    server_us = queue.commits_per_second * shards * of_server.commit_us + frames * of_server.frame_us
    server = REPLICAS * server_us / 1e6 / BUSY
    frames_a_day = a_day * habits.minutes * 60 * habits.frames_a_second
    if at_once is not None:
        frames_a_day = at_once * habits.frames_a_second * 3_600 / habits.busiest_hour
    bytes_a_day = frames_a_day * sum(costs.stored_bytes.values()) * REPLICAS
    cores = processes + max(1, math.ceil(worker)) + max(REPLICAS, math.ceil(server))
    return Need(
        people=people,
        at_once=training,
        frames_per_second=frames,
        requests_per_second=requests,
        frames_a_day=frames_a_day,
        shards=shards,
        shard_frames_per_second=frames / shards,
        shard_limit_per_second=most_requests_per_second(1, COMMIT_ON_THREE, WITHIN_MS),
        queue_p99_ms=queue.p99_ms,
        commits_per_second=queue.commits_per_second * shards,
        events_a_commit=queue.events_a_commit,
        service_processes=processes,
        worker_processes=max(1, math.ceil(worker)),
        cassandra_cores=max(REPLICAS, math.ceil(server)),
        bytes_a_day=bytes_a_day,
        terabytes_a_year=bytes_a_day * 365 / 1e12,
        cores_a_month=cores * prices.core,
        storage_a_month=bytes_a_day * 365 / 1e12 * prices.terabyte,
    )


def _queue(requests_per_second: float, frames_a_request: float) -> Queued:
    return simulate(max(0.01, requests_per_second), max(1, round(frames_a_request)), COMMIT_ON_THREE)


ROWS: dict[str, Callable[[Need], str]] = {
    "train at once, busiest hour": lambda one: f"{one.at_once:,.0f}",
    "frames a second": lambda one: f"{one.frames_per_second:,.0f}",
    "requests a second": lambda one: f"{one.requests_per_second:,.0f}",
    "shards": lambda one: f"{one.shards:,}",
    "frames a second of a shard (its queue takes)": lambda one: (
        f"{one.shard_frames_per_second:,.0f} ({one.shard_limit_per_second:,.0f})"
    ),
    "answered within, 99 of 100": lambda one: f"{one.queue_p99_ms:,.0f} ms",
    "commits a second, events in each": lambda one: f"{one.commits_per_second:,.0f}, {one.events_a_commit:.1f}",
    "service processes, a core each": lambda one: f"{one.service_processes:,}",
    "projection workers, a core each": lambda one: f"{one.worker_processes:,}",
    "cores of Cassandra, three copies": lambda one: f"{one.cassandra_cores:,}",
    "stored a day, three copies": lambda one: f"{one.bytes_a_day / 1e12:,.2f} TB",
    "stored a year, three copies": lambda one: f"{one.terabytes_a_year:,.0f} TB",
    "cores, money a month": lambda one: f"{one.cores_a_month:,.0f}",
    "storage after a year, money a month": lambda one: f"{one.storage_a_month:,.0f}",
}


def in_words(needs: dict[str, Need], costs: FrameCosts, habits: Habits, prices: Prices) -> str:
    """The table for people."""
    live = f"{costs.live.service_us:.0f} + {costs.live.worker_us:.0f} + {costs.live.server_us:.0f}"
    bulk = f"{costs.bulk.service_us:.0f} + {costs.bulk.worker_us:.0f} + {costs.bulk.server_us:.0f}"
    server = ServerCost.of(costs)
    lines = [
        f"people: {habits.sessions_a_week} sessions a week of {habits.minutes:.0f} min",
        f"{habits.frames_a_second} frames/s; {habits.busiest_hour:.0%} in the busiest hour; {habits.live:.0%} live",
        f"prices: {prices.core} a core and {prices.terabyte} a TB, each month; processors planned {BUSY:.0%} busy",
        f"microseconds a frame, service + worker + one Cassandra node: live {live}; bulk {bulk}",
        f"of a Cassandra node: {server.commit_us:.0f} microseconds a commit and {server.frame_us:.0f} a frame",
        f"bytes a frame on a node's disk: {sum(costs.stored_bytes.values()):.0f}",
        "",
        f"{'':46}" + "".join(f"{name:>22}" for name in needs),
    ]
    lines += [f"{row:46}" + "".join(f"{show(one):>22}" for one in needs.values()) for row, show in ROWS.items()]
    return "\n".join(lines)


@click.command()
@click.option("--people", default=1_000_000, show_default=True, type=click.IntRange(1))
@click.option("--costs", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Of frame_costs --json.")
@click.option("--sessions-a-week", default=2.0, show_default=True, type=click.FloatRange(0.01, 100))
@click.option("--minutes", default=60.0, show_default=True, type=click.FloatRange(1, 600))
@click.option("--live", default=0.7, show_default=True, type=click.FloatRange(0, 1), help="Share of frames sent alone.")
@click.option("--shards-a-process", default=8, show_default=True, type=click.IntRange(1, 64))
@click.option("--core-price", default=20.0, show_default=True, type=click.FloatRange(0), help="A month.")
@click.option("--terabyte-price", default=90.0, show_default=True, type=click.FloatRange(0), help="A month.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(  # noqa: PLR0913  # a number each, all of them named
    *,
    people: int,
    costs: Path | None,
    sessions_a_week: float,
    minutes: float,
    live: float,
    shards_a_process: int,
    core_price: float,
    terabyte_price: float,
    as_json: bool,
) -> None:
    r"""Reckon what people cost who are members of gyms, and the same number training all at once.

    \b
    Example:
      python -m benchmarks.scale --people 1000000
    """
    figures = RECORDED if costs is None else msgspec.json.decode(costs.read_bytes(), type=FrameCosts)
    habits = Habits(sessions_a_week=sessions_a_week, minutes=minutes, live=live)
    prices = Prices(core=core_price, terabyte=terabyte_price)
    needs = {
        f"{people:,} members": need(people, None, figures, habits, prices, shards_a_process),
        f"{people:,} at once": need(people, float(people), figures, habits, prices, shards_a_process),
    }
    click.echo(msgspec.json.encode(needs).decode() if as_json else in_words(needs, figures, habits, prices))


if __name__ == "__main__":
    main()
