"""How recognition holds on other sensors than those of the fit, and on people who move faster or slower.

Each session of gymwatch in turn is kept from the fit and then changed: rotated, seen as from the other wrist,
resampled, with packets dropped, at another tempo. The network is the exported one; what it answers for changed sets
stands beside what it answers for the same sets as they were.

    KINELOG_RECORDINGS=FOLDER python -m benchmarks.recognition_robustness
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from kinelog.device.resampling import resample
from kinelog.ml.augmentation import rotations
from kinelog.ml.examples import RATE_HZ, SetExample
from kinelog.ml.genome import Genome
from kinelog.ml.recipes import ANY_WINDOW, FIRST_SECOND
from kinelog.ml.scores import Reals
from numpy.typing import NDArray

from benchmarks.recognition_models import network, out_of_fold
from benchmarks.recognition_tasks import Task, gymwatch

Samples = NDArray[np.int16]
PACKET_MS = 500.0
"""A radio packet of a phone holds half a second; one in ten is lost."""
LOST = 0.1
ENDS_MS = (1000, 0, -500, -1000)


def rotated(limit_deg: float) -> Callable[[Samples, np.random.Generator], Samples]:
    """The watch sits up to an angle otherwise."""

    def change(samples: Samples, rng: np.random.Generator) -> Samples:
        return _whole(samples.astype(np.float64) @ rotations(1, limit_deg, rng)[0].T)

    return change


def other_wrist(samples: Samples, _: np.random.Generator) -> Samples:
    """The mirror image of the movement, on the other wrist."""
    return _whole(samples * np.array([-1.0, 1.0, 1.0]))


def sampled_at(rate_hz: float) -> Callable[[Samples, np.random.Generator], Samples]:
    """A sensor of another rate, whose samples the one resampler brings back to 50 Hz."""

    def change(samples: Samples, rng: np.random.Generator) -> Samples:
        times = np.arange(len(samples)) * 1000.0 / RATE_HZ
        own = np.arange(rng.uniform(0, 1000.0 / rate_hz), times[-1], 1000.0 / rate_hz)
        measured = np.stack([np.interp(own, times, axis) for axis in samples.T.astype(np.float64)], axis=1)
        return _back(_whole(measured), own, len(samples))

    return change


def filtered_and_sampled_at(rate_hz: float) -> Callable[[Samples, np.random.Generator], Samples]:
    """A sensor of another rate that lets nothing pass which is faster than half of it."""

    def change(samples: Samples, rng: np.random.Generator) -> Samples:
        mirrored = np.concatenate([samples, samples[::-1]]).astype(np.float64)
        spectrum = np.fft.rfft(mirrored, axis=0)
        spectrum[np.fft.rfftfreq(len(mirrored), 1.0 / RATE_HZ) > rate_hz / 2] = 0
        slow = np.fft.irfft(spectrum, len(mirrored), axis=0)[: len(samples)]
        return sampled_at(rate_hz)(_whole(slow), rng)

    return change


def packets_lost(samples: Samples, rng: np.random.Generator) -> Samples:
    """Samples of lost packets are gone; a straight line bridges what is missing."""
    times = np.arange(len(samples)) * 1000.0 / RATE_HZ
    packet = (times // PACKET_MS).astype(np.int64)
    kept = rng.random(packet[-1] + 1)[packet] >= LOST
    kept[[0, -1]] = True
    return _back(samples[kept], times[kept], len(samples))


def _back(samples: Samples, times_ms: NDArray[np.float64], rows: int) -> Samples:
    found = resample(samples, times_ms, RATE_HZ, start_ms=float(times_ms[0]), max_gap_ms=10_000.0).samples
    return np.concatenate([found, np.repeat(found[-1:], max(0, rows - len(found)), axis=0)])[:rows]


def _whole(values: NDArray[np.float64]) -> Samples:
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)


CHANGES: Mapping[str, Callable[[Samples, np.random.Generator], Samples]] = {
    "as recorded": lambda samples, _: samples,
    "rotated by up to 10 degrees": rotated(10.0),
    "rotated by up to 20 degrees": rotated(20.0),
    "rotated by up to 30 degrees": rotated(30.0),
    "other wrist, mirrored": other_wrist,
    "sampled at 100 Hz": sampled_at(100.0),
    "sampled at 25 Hz": sampled_at(25.0),
    "sampled at 20 Hz": sampled_at(20.0),
    "sampled at 10 Hz": sampled_at(10.0),
    "filtered, sampled at 20 Hz": filtered_and_sampled_at(20.0),
    "filtered, sampled at 10 Hz": filtered_and_sampled_at(10.0),
    "one packet in ten lost": packets_lost,
}


TEMPOS: Mapping[str, float] = {
    "15 % faster": 1.15,
    "15 % slower": 1 / 1.15,
    "30 % faster": 1.3,
    "30 % slower": 1 / 1.3,
}


def changed(task: Task, change: Callable[[Samples, np.random.Generator], Samples]) -> Task:
    """The task with every set changed, each by draws of its own."""
    examples: list[SetExample] = []
    for number, example in enumerate(task.examples):
        samples = change(example.samples, np.random.default_rng(number))
        examples.append(replace(example, samples=samples))
    return replace(task, examples=tuple(examples))


def at_tempo(task: Task, tempo: float) -> Task:
    """The task with every set done so many times as fast, about its labelled start. Samples keep their values."""
    return replace(task, examples=tuple(_at_tempo(example, tempo) for example in task.examples))


def _at_tempo(example: SetExample, tempo: float) -> SetExample:
    period_ms = 1000.0 / RATE_HZ
    times = (np.arange(len(example.samples), dtype=np.float64) - example.start_row) * (period_ms / tempo)
    start_row = int(-times[0] // period_ms)  # a row of the grid lies on the start at every tempo
    samples = resample(example.samples, times, RATE_HZ, start_ms=-start_row * period_ms).samples
    end_row = start_row + round((example.end_row - example.start_row) / tempo)
    return replace(example, samples=samples, start_row=start_row, end_row=min(end_row, len(samples)))


def shares(task: Task, genome: Genome) -> dict[str, list[float]]:
    """By change and by tempo, the share found at each end."""
    models = network("", genome).fit(task)
    asked = {name: changed(task, change) for name, change in CHANGES.items()}
    asked |= {name: at_tempo(task, tempo) for name, tempo in TEMPOS.items()}
    found = {}
    for name, otherwise in asked.items():
        answers: list[Reals] = [out_of_fold(task, models, otherwise.windows(end)) for end in ENDS_MS]
        found[name] = [float((one.argmax(axis=2) == task.targets.labels).mean()) for one in answers]
    return found


def main() -> None:
    """Print a table for each recipe."""
    place = Path(os.environ.get("KINELOG_RECORDINGS", Path(__file__).parents[2] / "shared" / "data"))
    if not place.is_dir():
        sys.exit("KINELOG_RECORDINGS names no folder of real recordings: nothing was measured")
    task = gymwatch(place)
    for title, genome in (("any window", ANY_WINDOW), ("first second", FIRST_SECOND)):
        print(f"\ngymwatch, network for {title}: share found\n{'':30}" + "".join(f"{end:>10} ms" for end in ENDS_MS))
        for name, values in shares(task, genome).items():
            print(f"{name:30}" + "".join(f"{value:13.3f}" for value in values))


if __name__ == "__main__":
    main()
