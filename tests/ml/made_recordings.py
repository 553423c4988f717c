"""Folders of recordings for tests: simulated movement in the layout of real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from kinelog.codecs.encoding import encode, make_block
from kinelog.codecs.values import Format, SensorKind
from kinelog.phone import movement
from kinelog.phone.exercises import EXERCISES
from kinelog.phone.person import draw_style
from numpy.typing import NDArray

Samples = NDArray[np.int16]
CAPTURED_FROM_MS = 1_432_212_970_000


def movement_at(rate_hz: float, seconds: float, seed: int = 0) -> Samples:
    """Rest, set-up and repetitions, `(n, 3)`."""
    rng = np.random.default_rng(seed)
    style = replace(draw_style(rng), true_rate_hz=rate_hz)
    exercise = EXERCISES[seed % len(EXERCISES)]
    parts = (
        movement.rest(rng, style, 4.0),
        movement.setup(rng, style, exercise),
        movement.repetitions(rng, style, exercise, 1 + round(seconds / exercise.repetition_s)),
    )
    return movement.as_measured(rng, style, np.concatenate(parts))[: round(seconds * rate_hz)]


def write_recording(
    folder: Path,
    name: str,
    sets: Sequence[Mapping[str, object]],
    samples: Sequence[Samples | NDArray[np.float64]],
    note: str = "made",
) -> None:
    """Write `NAME.npz` and `NAME.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    offset = np.cumsum([0, *(len(rows) for rows in samples)])
    np.savez_compressed(folder / f"{name}.npz", samples=np.concatenate(samples), offset=offset)
    (folder / f"{name}.json").write_text(json.dumps({"note": note, "sets": list(sets)}))


def packet(samples: Samples, sequence: int, start_ms: int, duration_ms: int) -> bytes:
    """A `muvr16` block as a Pebble sent it: its time stamp is that of its end."""
    block = make_block(
        SensorKind.ACCELEROMETER, samples, 50, None, sequence=sequence, start_ms=start_ms, duration_ms=duration_ms
    )
    return encode(Format.MUVR16, [block])


def write_capture(folder: Path, sets: dict[str, Samples], labels: str, *, lossy: frozenset[str] = frozenset()) -> None:
    """Write a folder of raw captures, every packet twice; a lossy set's packets lasted longer than their samples."""
    folder.mkdir(parents=True)
    at = CAPTURED_FROM_MS
    for name, samples in sets.items():
        data = b""
        for sequence, first in enumerate(range(0, len(samples) - 99, 100)):
            rows = samples[first : first + (70 if name in lossy else 100)]
            data += 2 * packet(rows, sequence, at, 2045)
            at += 2045
        (folder / f"{name}.raw").write_bytes(data)
        at += 60_000
    (folder / "labels.txt").write_text(labels)
