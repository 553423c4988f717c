"""A whole night of ten clusters, thirty candidates and five folds: `python -m benchmarks.night`.

Made people in ten clusters, each with enough sets for models of its own; the night as `kinelog fit run` does it, on a
pool of processes, into a store of its own. Without `--candidates 30` only a share of the candidates is fitted, and what
a whole night would take is worked out by the number of fits, and called that.

Compared with Keras's `fit` one by one, measured in the same run (400 windows, 64 units, 40 epochs): what as many fits
would take on as many processes. Wanted: at most a fifth of the work spent on data.

    python -m benchmarks.night --candidates 6 --processes 2
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from kinelog.ml.clusters import cluster_of_example
from kinelog.ml.engines.process_engine import ProcessEngine
from kinelog.ml.examples import Dataset, dataset_of
from kinelog.ml.night import Surroundings, run_night
from kinelog.ml.night_data import offered_of
from kinelog.ml.night_log import SilentLog
from kinelog.ml.parquet import people_of, read_dataset, write_dataset
from kinelog.ml.run_book import NightSettings
from kinelog.ml.run_record import NightRecord
from kinelog.ml.tasks import RUN
from kinelog.registry.signing import SigningKey
from kinelog.registry.sqlite_model_store import SqliteModelStore

from benchmarks.rounds import machine
from tests.ml.made_examples import Floor, made_dataset

CLUSTERS, CANDIDATES, FOLDS, TEN = 10, 30, 5, 10
WHOLE = CLUSTERS * (CANDIDATES * FOLDS + TEN)
"""Fits of a whole night: every candidate on every fold, and the ten of each pool once more."""
WANTED_SHARE = 0.20
SAYING = [(age, sex) for sex in ("female", "male") for age in ("20s", "30s", "40s", "50s")]
PEOPLE = 24
"""In each of the eight groups that say the same: seven of these, both sexes and everybody are ten clusters."""


def floor() -> Dataset:
    """People in ten clusters; two sessions each."""
    made = made_dataset(Floor(people=PEOPLE * len(SAYING), sessions=2, exercises=5, sets=1, negatives=0, set_s=2.0))
    examples = []
    for example in made.examples:
        age_group, sex = SAYING[int(example.person.partition("-")[2]) % len(SAYING)]
        examples.append(replace(example, age_group=age_group, sex=sex, proficiency=None))
    return dataset_of(examples, {}, made.note)


def night(folder: Path, candidates: int, processes: int) -> NightRecord:
    """One night, from the data set on disk on."""
    store = SqliteModelStore(folder / "models.sqlite")
    with ProcessEngine(RUN, processes=processes) as engine:
        around = Surroundings(store, SigningKey(os.urandom(32)), engine, folder / "work", SilentLog(), "benchmark")
        return run_night(
            around, NightSettings("gym", candidates, FOLDS, 1), lambda: offered_of(read_dataset(folder / "dataset"))
        )


def peer_s(fits: int) -> float:
    """Seconds of one fit by Keras's `fit`, here and now."""
    # Late: TensorFlow belongs to this process only once the night is over.
    from benchmarks.batched_fits import EXAMPLES, JUDGED, Peer, jobs_of, made, timed

    data = made(EXAMPLES, 2)
    peer = Peer(data, made(JUDGED, 3))
    jobs = jobs_of(data, "32 candidates")[:fits]
    return timed(len(jobs), lambda: peer.fit(jobs)).wall_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=6, help="Of each cluster; 30 for a whole night.")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--peer-fits", type=int, default=4)
    arguments = parser.parse_args()
    print(machine())
    started = time.perf_counter()
    dataset = floor()
    print(f"{len(dataset.examples)} made sets in {time.perf_counter() - started:.1f} s (not part of the night)")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        clusters = {example.person: cluster_of_example(example) for example in dataset.examples}
        write_dataset(Path(folder, "dataset"), people_of(dataset, clusters), {}, dataset.note)
        print(f"written to disk in {time.perf_counter() - started:.1f} s (not part of the night; reading it is)")
        record = night(Path(folder), arguments.candidates, arguments.processes)
    tell(record, arguments.processes, peer_s(arguments.peer_fits))


def tell(record: NightRecord, processes: int, keras_s: float) -> None:
    """Print the night, what it was compared with, and what a whole one would take."""
    cost = record.cost
    seconds = {phase.phase: phase.seconds for phase in cost.phases}
    own = sum(not scope.backed_off for scope in record.scopes)
    print(f"{own} clusters, {record.candidates} candidates, {record.folds} folds: {cost.fits} fits, {cost.tasks} tasks")
    print("  by phase: " + ", ".join(f"{name} {spent:.1f} s" for name, spent in seconds.items()))
    fitting = seconds["select"] + seconds["refit"]
    one_by_one = keras_s * cost.fits / processes
    ratio = one_by_one / fitting
    print(f"  fits on {processes} processes: {fitting:.1f} s; Keras one by one {one_by_one:.1f} s: {ratio:.1f}x")
    share = cost.preparation_share
    verdict = "as wanted" if share <= WANTED_SHARE else "MORE THAN WANTED"
    print(f"  share of the work spent on data: {100 * share:.1f} % ({verdict}: at most {100 * WANTED_SHARE:.0f} %)")
    print(f"  most memory of a worker: {cost.peak_worker_bytes / 2**20:.0f} MiB")
    whole = cost.seconds - fitting + fitting * WHOLE / cost.fits
    how = (
        "measured"
        if record.candidates == CANDIDATES and own == CLUSTERS
        else f"worked out from {cost.fits} of {WHOLE} fits"
    )
    print(f"a night of {CLUSTERS} x {CANDIDATES} x {FOLDS} on {processes} processes: {whole / 60:.1f} minutes ({how})")


if __name__ == "__main__":
    main()
