"""Windows as they might have been: rotated, from the other wrist, noisier, taken slowly, with sensors absent.

Only what a device on a body really does: gravity stays within 20 degrees of where it was.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from kinelog.ml.genome import Genome
from kinelog.ml.thinned_windows import thinned
from numpy.typing import NDArray

INT16 = np.iinfo(np.int16)
BLOCK = 1024


def is_augmented(genome: Genome) -> bool:
    """Whether a genome trains on other windows than those that were recorded."""
    changes = genome.rotation_deg > 0 or genome.noise_mg > 0 or genome.thinned > 0
    return changes or genome.mirror or genome.masked


def augmented(
    windows: NDArray[np.int16], sites: tuple[str, ...], genome: Genome, rng: np.random.Generator
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Each window changed as the genome says, by draws of its own.

    Args:
        windows: `(n, 50, 3 * sites)` int16 milli-g.
        sites: Names, in the order of the columns.
        genome: Says how.
        rng: What decides.

    Returns:
        The changed windows, and `(n, sites)` which sensors they still have.
    """
    count = len(windows)
    values = windows.reshape(count, windows.shape[1], len(sites), 3).astype(np.float64)
    if genome.mirror:
        _mirror(values, sites, rng.random(count) < 0.5)
    if genome.rotation_deg > 0:
        turns = rotations(count * len(sites), genome.rotation_deg, rng).reshape(count, len(sites), 3, 3)
        for some in _blocks(count):
            values[some] = np.einsum("nsij,ntsj->ntsi", turns[some], values[some])
    if genome.noise_mg > 0:
        for some in _blocks(count):
            values[some] += rng.normal(0.0, genome.noise_mg, values[some].shape)
    if genome.thinned > 0:
        values = _each_sensor_thinned(values, genome.thinned, rng)
    present = sites_there(windows, len(sites))
    if genome.masked:
        present = site_subsets(present, rng)
    values *= present[:, None, :, None]
    np.clip(np.rint(values, out=values), INT16.min, INT16.max, out=values)
    return values.astype(np.int16).reshape(windows.shape), present


def _blocks(count: int) -> Iterator[slice]:
    """Windows that are changed together: doubles of all of them are enough in memory once."""
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))


def _each_sensor_thinned(values: NDArray[np.float64], share: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """`(n, rows, sites, 3)`: sensors of one window are slow, or lose packets, each for itself."""
    count, rows, sites, axes = values.shape
    apart = values.transpose(0, 2, 1, 3).reshape(count * sites, rows, axes)
    return thinned(apart, share, rng).reshape(count, sites, rows, axes).transpose(0, 2, 1, 3)


def rotations(count: int, limit_deg: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """`(count, 3, 3)` rotations about axes of any direction, by an angle up to the limit, all angles alike."""
    axis = rng.normal(size=(count, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.deg2rad(rng.uniform(-limit_deg, limit_deg, count))[:, None, None]
    x, y, z = axis.T
    zero = np.zeros(count)
    cross = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]).transpose(2, 0, 1)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross))


def sites_there(windows: NDArray[np.int16], sites: int) -> NDArray[np.bool_]:
    """`(n, sites)` which sensors were there: gravity is never nothing, so one that shows only zeros was not."""
    return np.asarray(windows.reshape(len(windows), -1, sites, 3).any(axis=(1, 3)))


def site_subsets(there: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Of the sensors that are there, `(n, sites)`, some: all of them in a third of the windows, never none."""
    kept = there & (rng.random(there.shape) < 0.5)
    whole = (rng.random(len(there)) < 1 / 3) | ~kept.any(axis=1)
    kept[whole] = there[whole]
    return kept


def _mirror(values: NDArray[np.float64], sites: tuple[str, ...], chosen: NDArray[np.bool_]) -> None:
    """Turn chosen windows, in place, into what the person's mirror image would have measured on its wrists.

    A watch points its x axis along the forearm: away from the hand on the one wrist, towards it on the other. A
    mirrored movement therefore changes the sign of x alone. Two wrists also swap places.
    """
    wrists = [column for column, site in enumerate(sites) if site in {"left-wrist", "right-wrist", "wrist"}]
    if len(wrists) == 2:
        one, other = wrists
        turned = values[chosen]
        turned[:, :, [one, other]] = turned[:, :, [other, one]]
        values[chosen] = turned
    for column in wrists:
        values[chosen, :, column, 0] *= -1
