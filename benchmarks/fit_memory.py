"""How much memory the first process of a night takes for its data: `python -m benchmarks.fit_memory`.

Made people with sets of noise; each size in a process of its own. The peer is the same process writing the data set one
person at a time, as `kinelog fit data` does: that stays where it is, however many people there are. Then it does what
`kinelog fit run` does before the first fit: it lays the data set down, splits it, and fills the arrays of everybody's
model.

    python -m benchmarks.fit_memory --people 500 1000 2000 --sets 10
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from kinelog.ml.clusters import ClusterTable
from kinelog.ml.confirmation import first_state
from kinelog.ml.examples import KEPT_ROWS, LEAD_ROWS, RATE_HZ, SetExample
from kinelog.ml.folds import key_of, split, unit_of
from kinelog.ml.night_data import Offered, laid_down
from kinelog.ml.night_plan import plan_of
from kinelog.ml.parquet import PersonFile, write_dataset

from benchmarks.rounds import machine

ROWS, LABELS, SETS_A_SESSION = LEAD_ROWS + KEPT_ROWS, 8, 5


class Peaks(msgspec.Struct, frozen=True):
    """Most bytes that were resident, as the steps ended."""

    start: int
    by_person: int
    noted: int
    planned: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[500, 1000, 2000])
    parser.add_argument("--sets", type=int, default=10, help="Of each person.")
    parser.add_argument("--measure", type=int, metavar="PEOPLE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(msgspec.json.encode(measured(Path(folder), arguments.measure, arguments.sets)).decode())
        return
    print(machine())
    print(f"{'people':>8}{'samples':>12}{'one by one':>12}{'noted':>12}{'planned':>12}   above one by one: a set")
    for people in arguments.people:
        asked = ["--measure", str(people), "--sets", str(arguments.sets)]
        command = [sys.executable, "-m", "benchmarks.fit_memory", *asked]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        peaks = msgspec.json.decode(done.stdout, type=Peaks)
        samples = people * arguments.sets * ROWS * 3 * 2
        sizes = (samples, *(peak - peaks.start for peak in (peaks.by_person, peaks.noted, peaks.planned)))
        words = "".join(f"{size / 1e6:>9.0f} MB" for size in sizes)
        above = peaks.planned - peaks.by_person
        ratio = (peaks.planned - peaks.start) / (peaks.by_person - peaks.start)
        said = (
            f"{above / people / arguments.sets:.0f} bytes, {above / samples:.2f} of the samples; {ratio:.2f}x the peer"
        )
        print(f"{people:>8}{words}   {said}", flush=True)


def made(people: int, sets: int) -> Iterator[PersonFile]:
    """People with sets of noise, one after the other."""
    for number in range(people):
        rng = np.random.default_rng(number)
        person = f"person-{number:06}"
        yield PersonFile(person, "all", tuple(_set(rng, person, place) for place in range(sets)))


def _set(rng: np.random.Generator, person: str, place: int) -> SetExample:
    label = f"exercise-{place % LABELS}"
    return SetExample(
        key=f"{person}/{place}",
        person=person,
        session=f"{person}-{place // SETS_A_SESSION}",
        number=place,
        label=label,
        fine=label,
        sites=("left-wrist",),
        samples=rng.integers(-2000, 2000, (ROWS, 3), dtype=np.int16),
        start_row=LEAD_ROWS,
        end_row=ROWS,
        source_rate_hz=float(RATE_HZ),
    )


def measured(folder: Path, people: int, sets: int) -> Peaks:
    """What the steps take, in this process."""
    start = peak_bytes()
    write_dataset(folder / "dataset", made(people, sets), {}, "noise")
    by_person = peak_bytes()
    data = laid_down(Offered(made(people, sets), {}, "noise"), folder / "arrays")
    noted = peak_bytes()
    unit = unit_of(data.sets)
    state = first_state({key_of(one, unit) for one in data.sets})
    parts = split(data.sets, state, 5, unit)
    plan_of("gym", data, parts, ClusterTable(()), state.name, folder / "arrays")
    return Peaks(start, by_person, noted, peak_bytes())


def peak_bytes() -> int:
    """Most that this process has had resident: of itself only, not of who started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


if __name__ == "__main__":
    main()
