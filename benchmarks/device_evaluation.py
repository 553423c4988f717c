"""How long a model takes on a device, against a naive net: `python -m benchmarks.device_evaluation`.

Front end and network in C, beside a 150-128-64-9 net written as anyone writes it, both built by gcc with the same flags
and taking turns in one process. Each shape is printed with its ratio (wanted: at most 1) and with what
`kinelog.device.cost` reckons, by which shapes that are too slow are refused before they are fitted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import click
import numpy as np
from kinelog.device.blob import Activation, Conv1D, Dense, FrontEnd, ModelBlob, pack_blob
from kinelog.device.cost import NetworkShape
from kinelog.device.evaluation import with_vectors
from kinelog.device.model import first_dense_inputs
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ("-O2", "-std=c99", "-ffp-contract=off")
SHAPES = {
    "features, 64-24": NetworkShape(FrontEnd.FEATURES, 1, (64, 24, 20)),
    "features, 64": NetworkShape(FrontEnd.FEATURES, 1, (64, 20)),
    "features, 64-24 tanh": NetworkShape(FrontEnd.FEATURES, 1, (64, 24, 20), activation=Activation.TANH),
    "features of two sites, 40": NetworkShape(FrontEnd.FEATURES, 2, (40, 20)),
    "features of three sites, 28": NetworkShape(FrontEnd.FEATURES, 3, (28, 20)),
    "features of seven sites, 5": NetworkShape(FrontEnd.FEATURES, 7, (5, 20)),
    "raw window, 44": NetworkShape(FrontEnd.RAW, 1, (44, 20)),
    "raw window, two convolutions": NetworkShape(FrontEnd.RAW, 1, (32, 20), ((8, 9, 2), (16, 5, 2))),
    "both, one convolution, 48": NetworkShape(FrontEnd.BOTH, 1, (48, 20), ((8, 9, 2),)),
}


def model_of(shape: NetworkShape) -> ModelBlob:
    """A model of this shape with drawn weights."""
    rng = np.random.default_rng(1)
    layers: list[Conv1D | Dense] = []
    channels = 3 * shape.sites
    for filters, kernel, stride in shape.convolutions:
        layers.append(Conv1D(_drawn(rng, filters, kernel * channels), kernel, stride, shape.activation))
        channels = filters
    inputs = first_dense_inputs(shape.front_end, shape.sites, channels if layers else None, masked=shape.masked)
    for number, width in enumerate(shape.dense):
        last = number + 1 == len(shape.dense)
        layers.append(Dense(_drawn(rng, width, inputs), Activation.SOFTMAX if last else shape.activation))
        inputs = width
    blob = ModelBlob(shape.front_end, shape.sites, tuple(layers), tuple(range(shape.dense[-1])))
    return with_vectors(blob, moving_windows(shape.sites))


def moving_windows(sites: int) -> NDArray[np.int16]:
    """16 windows of somebody who moves."""
    rng = np.random.default_rng(2)
    time = np.arange(50)[:, None] / 50
    waves = [np.sin(2 * np.pi * (rng.uniform(0.5, 4, 3 * sites) * time + rng.random(3 * sites))) for _ in range(16)]
    return np.round(600 * np.stack(waves) + rng.normal(0, 30, (16, 50, 3 * sites))).astype(np.int16)


def _drawn(rng: np.random.Generator, outputs: int, inputs: int) -> NDArray[np.float32]:
    return (rng.normal(0, 1 / inputs, (outputs, 1 + inputs)) / 30).astype(np.float32)


def built(folder: Path) -> Path:
    """The contest as a program."""
    program = folder / "device_evaluation"
    sources = (ROOT / "benchmarks/c/device_evaluation.c", ROOT / "device/c/kinelog_model.c")
    subprocess.run(["gcc", *FLAGS, f"-I{ROOT / 'device/c'}", *sources, "-o", program, "-lm"], check=True)  # noqa: S607
    return program


def contest(program: Path, shape: NetworkShape, rounds: int) -> list[tuple[float, float]]:
    """Nanoseconds of processor time a window, of the model and of the naive net, in each round."""
    blob, windows = program.parent / "blob", program.parent / "windows"
    blob.write_bytes(pack_blob(model_of(shape)))
    windows.write_bytes(moving_windows(shape.sites).astype("<i2").tobytes())
    done = subprocess.run([program, blob, windows, str(rounds)], check=True, capture_output=True, text=True)
    return [(float(ours), float(theirs)) for ours, theirs in (line.split() for line in done.stdout.splitlines())]


@click.command()
@click.option("--rounds", default=200, show_default=True, help="Rounds of 100 windows each, a shape.")
def main(rounds: int) -> None:
    """Measure and print."""
    print(f"{' '.join(FLAGS)}; naive net 150-128-64-9; load average {os.getloadavg()[0]:.1f} at the start")
    print(f"{'model':<30} {'us':>6} {'naive':>6} {'ratio':>6} {'(half of the rounds)':>22} {'reckoned':>9}")
    with tempfile.TemporaryDirectory() as folder:
        program = built(Path(folder))
        for name, shape in SHAPES.items():
            times = contest(program, shape, rounds)
            low, middle, high = statistics.quantiles([ours / theirs for ours, theirs in times], n=4)
            ours, theirs = (statistics.median(side) / 1000 for side in zip(*times, strict=True))
            spread = f"{low:.2f} to {high:.2f}"
            print(f"{name:<30} {ours:>6.1f} {theirs:>6.1f} {middle:>6.2f} {spread:>22} {shape.relative_cost:>9.2f}")


if __name__ == "__main__":
    main()
