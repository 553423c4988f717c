"""What one candidate of a large pool costs a worker, beside the same candidate without the bounds of `training_budget`.

Made sets of noise; each size, with bounds and without, in a process of its own that does what a task does: the recipe
for any window on five folds. Compared are processor seconds and the most that was resident beyond the program itself.
With `KINELOG_RECORDINGS` and `--recordings NAME` it is a recording's sets instead, all of its sensors, folds by
session: then the score that chooses says what the bounds cost in accuracy.

    python -m benchmarks.large_pool [--sets 500 2000 4000] [--sensors 1]
    KINELOG_RECORDINGS=FOLDER python -m benchmarks.large_pool --recordings exermote
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from kinelog.device.sites import SITES
from kinelog.ml import task_work, training_budget
from kinelog.ml.code_version import code_version
from kinelog.ml.examples import SetExample
from kinelog.ml.fit_data import FitData
from kinelog.ml.folds import folds_of, key_of
from kinelog.ml.out_of_fold import answers_of
from kinelog.ml.recipes import ANY_WINDOW
from kinelog.ml.recordings import Reading, read_recordings
from kinelog.ml.result_cache import ResultCache
from kinelog.ml.scope_windows import asked_rows
from kinelog.ml.tasks import Common, Place, SelectTask, select_key, task_bytes

from benchmarks.fit_memory import made, peak_bytes
from benchmarks.rounds import machine
from tests.ml.laid_arrays import laid_arrays

FOLDS, SETS_OF_A_PERSON = 5, 10
BOUNDS = ("EXAMPLES_SEEN", "WINDOWS_LAID_DOWN")


class Took(msgspec.Struct, frozen=True):
    """What a candidate took."""

    sets: int
    seconds: float
    peak: int
    score: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, nargs="+", default=[500, 2000, 4000])
    parser.add_argument("--sensors", type=int, default=1)
    parser.add_argument("--recordings", metavar="NAME", default="")
    parser.add_argument("--measure", choices=["bounded", "boundless"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(msgspec.json.encode(measured(Path(folder), asked)).decode())
        return
    print(machine())
    for sets in asked.sets if not asked.recordings else [0]:
        tell(*(in_a_child(asked, sets, kind) for kind in ("bounded", "boundless")))


def tell(bounded: Took, boundless: Took) -> None:
    """A line of one size."""
    print(
        f"{bounded.sets:>6} sets: {bounded.seconds:.1f} of {boundless.seconds:.1f} processor seconds,"
        f" {bounded.seconds / boundless.seconds:.2f}x; {bounded.peak / 1e6:.0f} of {boundless.peak / 1e6:.0f} MB,"
        f" {bounded.peak / boundless.peak:.2f}x; score {bounded.score:.3f} and {boundless.score:.3f}",
        flush=True,
    )


def in_a_child(asked: argparse.Namespace, sets: int, kind: str) -> Took:
    """Measure one size in a process of its own."""
    more = ["--measure", kind, "--sets", str(sets), "--sensors", str(asked.sensors), "--recordings", asked.recordings]
    command = [sys.executable, "-m", "benchmarks.large_pool", *more]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Took)


def measured(folder: Path, asked: argparse.Namespace) -> Took:
    """What a task takes, in this process."""
    examples = recorded(asked.recordings) if asked.recordings else noise(asked.sets[0], asked.sensors)
    data = laid(folder / "arrays", examples)
    del examples
    place = Place(str(folder / "arrays"), str(folder / "results"))
    task = SelectTask(Common(data.sha256, 1, code_version()), place, (ANY_WINDOW,), (1,))
    Path("/proc/self/clear_refs").write_text("5")
    resident, before = peak_bytes(), processor_s()
    if asked.measure == "boundless":
        for bound in BOUNDS:
            setattr(training_budget, bound, 1 << 60)
    task_work.run(task_bytes(task))
    seconds, peak = processor_s() - before, peak_bytes() - resident
    result = ResultCache(Path(place.results)).read(select_key(task.common, ANY_WINDOW, task.masks))
    (answers,) = answers_of(result or b"", ANY_WINDOW, data, asked_rows(data)).values()
    return Took(len(data), seconds, peak, answers.score().value)


def noise(sets: int, sensors: int) -> list[SetExample]:
    """Sets of noise, the same on every sensor."""
    people = made(-(-sets // SETS_OF_A_PERSON), SETS_OF_A_PERSON)
    examples = [example for person in people for example in person.examples][:sets]
    sites = SITES[:sensors]
    return [replace(one, sites=sites, samples=np.tile(one.samples, (1, sensors))) for one in examples]


def recorded(name: str) -> list[SetExample]:
    """A recording's labelled sets."""
    found = read_recordings(Path(os.environ["KINELOG_RECORDINGS"]), Reading(names=(name,), negatives=0))
    return [example for example in found.examples if example.label is not None]


def laid(folder: Path, examples: Sequence[SetExample]) -> FitData:
    """The arrays of all sets, all sensors."""
    keys = [key_of(example, "session") for example in examples]
    fold_of = folds_of(keys, FOLDS)
    sites = tuple(site for site in SITES if any(site in example.sites for example in examples))
    labels = tuple(sorted({example.label or "" for example in examples}))
    return laid_arrays(folder, examples, [fold_of[key] for key in keys], sites, labels)


def processor_s() -> float:
    """Of this process, so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
