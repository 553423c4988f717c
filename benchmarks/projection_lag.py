"""How fast views follow the log, and how fast they are rebuilt: `python benchmarks/projection_lag.py`.

Everything is given against the frames a second that the service takes over HTTP, which the HTTP benchmark prints on the
same machine; pass it with `--http`. A log of `ae` frames in a real SQLite journal, sealed as the service seals them, is

1. folded from its beginning by the live worker,
2. folded anew beside the live views and switched, as `kinelog project --rebuild all` does,
3. written at the HTTP rate while a worker in a process of its own follows: the time from a frame's commit to the moment
   when a reader sees it is the lag.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from kinelog.codecs import frames
from kinelog.codecs.tagged import AE
from kinelog.codecs.values import Block, BlockSummary, FrameSummary, SensorKind
from kinelog.domain.events import Event, FrameRecorded, SessionStarted
from kinelog.domain.identifiers import Person, shard_of
from kinelog.journal.records import StoredEvent
from kinelog.projections.rebuild import Rebuild
from kinelog.projections.sqlite_read_side import SqliteReadSide
from kinelog.projections.sqlite_views import SqliteViews
from kinelog.projections.worker import ProjectionWorker
from kinelog.service.configuration import DataFolder, Settings
from kinelog.service.opened_data import OpenedData

TENANT = "benchmark"
START_MS = 1_700_000_400_000
COMMIT_EVENTS = 32
SETTLE_S = 20.0


class FloorLog:
    """People who train at one gym; each call of `commit` adds a second of some of them to the log."""

    def __init__(self, opened: OpenedData, people: int) -> None:
        self._opened = opened
        self._epochs = [opened.journal.acquire(shard, "benchmark").epoch for shard in range(opened.journal.shards)]
        self.heads = [opened.journal.head(shard) for shard in range(opened.journal.shards)]
        self._people = [Person(TENANT, opened.keys.enrol(TENANT, f"person-{number}")) for number in range(people)]
        self._sequences = dict.fromkeys(self._people, 0)
        self._by_shard: dict[int, deque[Person]] = {}
        for person in self._people:
            shard = shard_of(person, opened.journal.shards)
            self._by_shard.setdefault(shard, deque()).append(person)
        self._frames = [ae_frame(second) for second in range(64)]

    def commits(self) -> Iterator[tuple[int, int]]:
        """Commit a batch of frames of one shard after the other, for ever; shard and position of the last frame."""
        while True:
            for shard, people in self._by_shard.items():
                events = []
                for _ in range(COMMIT_EVENTS):
                    people.rotate(1)
                    events += self._next_events(people[0])
                self.heads[shard] = self._opened.journal.commit(
                    shard, self._epochs[shard], self.heads[shard], secrets.token_bytes(16), events
                )
                yield shard, self.heads[shard]

    def _next_events(self, person: Person) -> list[StoredEvent]:
        stream = person.session("00000000-0000-4000-8000-000000000001")
        sequence = self._sequences[person]
        at_ms = START_MS + sequence * 1000
        events: list[Event] = []
        if sequence == 0:
            events.append(SessionStarted(at_ms=at_ms, started_at_ms=START_MS, gym="floor"))
            self._sequences[person] = sequence = 1
        data, summary = self._frames[sequence % len(self._frames)]
        digest = sequence.to_bytes(8, "big")
        events.append(
            FrameRecorded(
                at_ms=at_ms, device="watch", sequence=sequence, digest=digest, start_ms=None, summary=summary, data=data
            )
        )
        first = sequence + 2 - len(events)
        self._sequences[person] = sequence + 1
        return [self._opened.codec.seal(stream, first + index, event) for index, event in enumerate(events)]


def ae_frame(second: int) -> tuple[bytes, FrameSummary]:
    """50 samples and what they decode to."""
    samples = np.random.default_rng(second).integers(-4000, 4000, (50, 3)).astype(np.int16)
    block = BlockSummary(SensorKind.ACCELEROMETER, "left-wrist", 50, 50, None, START_MS + second * 1000)
    data = AE.encode([Block(block, samples)])
    return data, frames.summarize(data)


def catch_up_and_rebuild(folder: Path, events: int, people: int) -> tuple[float, float]:
    """Events a second of the live worker catching up, and of a rebuild with its switch."""
    data = DataFolder(folder)
    with OpenedData.open(data, Settings()) as opened:
        log = FloorLog(opened, people)
        for _ in log.commits():
            if sum(log.heads) >= events:
                break
        store = SqliteViews(data.views)
        started = time.perf_counter()
        folded = ProjectionWorker(opened.journal, opened.codec, store).catch_up()
        caught_up = folded / (time.perf_counter() - started)
        started = time.perf_counter()
        assert Rebuild(opened.journal, opened.codec, store).run()
        rebuilt = folded / (time.perf_counter() - started)
        store.close()
    return caught_up, rebuilt


def lags_at(folder: Path, rate: float, seconds: float, people: int) -> list[float]:
    """Seconds from commit to visibility of frames that are committed at a rate."""
    data = DataFolder(folder)
    with OpenedData.open(data, Settings()) as opened:
        log = FloorLog(opened, people)
        commits = log.commits()
        for _ in range(opened.journal.shards):
            next(commits)
        command = [sys.executable, "-m", "kinelog.service", "project", "--data", str(folder)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "KINELOG_LOG_LEVEL": "WARNING"}
        with subprocess.Popen(command, env=environment) as worker:
            try:
                return _follow(data, commits, rate, seconds)
            finally:
                worker.terminate()


def _follow(data: DataFolder, commits: Iterator[tuple[int, int]], rate: float, seconds: float) -> list[float]:
    side = SqliteReadSide(data.views)
    while not data.views.exists() or sum(side.as_of().values()) == 0:
        time.sleep(0.05)
    waiting: deque[tuple[float, int, int]] = deque()
    done = threading.Event()
    lags: list[float] = []

    def watch() -> None:
        while waiting or not done.is_set():
            as_of = side.as_of()
            now = time.perf_counter()
            for entry in list(waiting):
                at, shard, position = entry
                if as_of.get(shard, 0) >= position:
                    waiting.remove(entry)
                    lags.append(now - at)
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    for number, (shard, position) in enumerate(commits):
        waiting.append((time.perf_counter(), shard, position))
        due = started + (number + 1) * COMMIT_EVENTS / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        if time.perf_counter() - started > seconds:
            break
    done.set()
    watcher.join(SETTLE_S)
    side.close()
    return lags


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--http", type=float, default=4000.0, help="frames a second over HTTP on this machine")
    parser.add_argument("--events", type=int, default=60_000, help="length of the log that is rebuilt")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long frames are committed at the HTTP rate")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        caught_up, rebuilt = catch_up_and_rebuild(Path(folder) / "rebuild", options.events, options.people)
        lags = sorted(lags_at(Path(folder) / "lag", options.http, options.seconds, options.people))
    p99 = lags[int(len(lags) * 0.99)]
    rows = [
        ("HTTP ingest (given)", options.http, 1.0),
        ("live worker, catching up", caught_up, caught_up / options.http),
        ("rebuild of all views with switch", rebuilt, rebuilt / options.http),
    ]
    sys.stdout.write(f"{'':36}{'events/s':>10}{'x HTTP':>8}\n")
    for name, rate, ratio in rows:
        sys.stdout.write(f"{name:36}{rate:10.0f}{ratio:8.2f}\n")
    sys.stdout.write(
        f"lag while {options.http:.0f} frames/s are committed: p50 {statistics.median(lags) * 1000:.0f} ms,"
        f" p99 {p99 * 1000:.0f} ms, worst {lags[-1] * 1000:.0f} ms over {len(lags)} commits\n"
    )


if __name__ == "__main__":
    main()
