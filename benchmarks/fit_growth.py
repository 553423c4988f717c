"""Whether a night's processes grow while candidates are fitted: `python -m benchmarks.fit_growth`.

A night of many small tasks, real networks on sets of noise, as `kinelog fit run` does it. After each task it is asked
how much is resident in the first process and in each child; the peer of the last tenth of the tasks is the first tenth
of the same run. Children are replaced after some tasks, since Keras leaks: of them the highest of each child's life is
compared, those of the first generation with those of the later ones.

    python -m benchmarks.fit_growth --candidates 200 --tasks-per-child 10
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from kinelog.ml.engines.process_engine import ProcessEngine
from kinelog.ml.night import Surroundings, run_night
from kinelog.ml.night_data import Offered
from kinelog.ml.night_log import Field, NightLog
from kinelog.ml.run_book import NightSettings
from kinelog.ml.tasks import RUN
from kinelog.registry.signing import SigningKey
from kinelog.registry.sqlite_model_store import SqliteModelStore
from typing_extensions import override

from benchmarks.fit_memory import made
from benchmarks.rounds import machine


class Watching(NightLog):
    """Asks how much is resident after each task."""

    def __init__(self, engine: ProcessEngine) -> None:
        self.first: list[int] = []
        self.children: defaultdict[int, list[int]] = defaultdict(list)
        self._engine = engine
        self._fitting = False

    @override
    def phase(self, name: str, steps: int) -> None:
        self._fitting = name in {"select", "refit"}

    @override
    def step(self) -> None:
        if not self._fitting:
            return
        self.first.append(resident_bytes(os.getpid()))
        for pid in self._engine.children.pids():
            if (resident := resident_bytes(pid)) > 0:
                self.children[pid].append(resident)

    @override
    def event(self, name: str, **fields: Field) -> None:
        """Nothing to ask."""


def resident_bytes(pid: int) -> int:
    """Of a process; 0 of one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--sets", type=int, default=10, help="Of each person.")
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--tasks-per-child", type=int, default=40)
    arguments = parser.parse_args()
    print(machine())
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessEngine(RUN, processes=arguments.processes, tasks_per_child=arguments.tasks_per_child) as engine,
    ):
        log = Watching(engine)
        store = SqliteModelStore(Path(folder, "models.sqlite"))
        around = Surroundings(store, SigningKey(os.urandom(32)), engine, Path(folder), log, "benchmark")
        settings = NightSettings("gym", arguments.candidates, arguments.folds, 1)
        people = made(arguments.people, arguments.sets)
        record = run_night(around, settings, lambda: Offered(people, {}, "noise"))
    print(f"{arguments.people * arguments.sets} sets: {record.cost.fits} fits, {record.cost.tasks} tasks")
    tell(log, arguments.processes)
    print(f"  most of a child: {record.cost.peak_worker_bytes / 1e6:.0f} MB")


def tell(log: Watching, processes: int) -> None:
    """Print the tenths of the first process, and the lives of the children."""
    tenth = max(1, len(log.first) // 10)
    before, after = statistics.median(log.first[:tenth]), statistics.median(log.first[-tenth:])
    print(f"  first process, first and last tenth: {before / 1e6:.0f} and {after / 1e6:.0f} MB: {after / before:.2f}x")
    lives = [max(seen) for seen in log.children.values()]
    first, later = lives[:processes], lives[processes:]
    print(f"  children, highest of each life: {', '.join(f'{most / 1e6:.0f}' for most in lives)} MB")
    if later:
        print(f"  highest of later generations against the first: {max(later) / max(first):.2f}x")


if __name__ == "__main__":
    main()
