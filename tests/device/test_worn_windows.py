"""C against numpy on movement as sensors see it: simulated people, and real recordings where there are some."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kinelog.device.blob import FrontEnd, pack_blob
from kinelog.device.evaluation import Evaluator, with_vectors
from kinelog.device.features import features
from kinelog.phone.exercises import EXERCISES
from kinelog.phone.movement import as_measured, repetitions, rest, setup
from kinelog.phone.person import draw_style
from numpy.typing import NDArray

from tests.device.built import Library
from tests.device.made_models import made_model

MODELS = {
    "raw": made_model(FrontEnd.RAW, dense=[40], outputs=20, labels=9, vectors=False),
    "convolved": made_model(FrontEnd.RAW, 1, [(8, 9, 2), (12, 5, 2)], [24], outputs=20, labels=9, vectors=False),
    "features": made_model(FrontEnd.FEATURES, dense=[64, 24], outputs=20, labels=9, vectors=False),
    "both": made_model(FrontEnd.BOTH, 1, [(8, 9, 2)], [48], outputs=20, labels=9, vectors=False),
}


def simulated_windows() -> NDArray[np.int16]:
    """Windows of people who stand about, take up an exercise, and do it."""
    rng = np.random.default_rng(3)
    windows = []
    for exercise in EXERCISES:
        style = draw_style(rng)
        signal = np.concatenate(
            [rest(rng, style, 3.0), setup(rng, style, exercise), repetitions(rng, style, exercise, 3)]
        )
        measured = as_measured(rng, style, signal)
        windows += [measured[at : at + 50] for at in range(0, len(measured) - 49, 25)]
    return np.stack(windows)


def recorded_windows() -> NDArray[np.int16]:
    """Every hundredth second of the real recordings, at whatever rate they were taken."""
    place = os.environ.get("KINELOG_RECORDINGS")
    if place is None:
        pytest.skip("KINELOG_RECORDINGS names no folder of real recordings")
    windows = []
    for path in sorted(Path(place).glob("*.npz")):
        samples = np.load(path)["samples"]
        if samples.ndim == 2 and samples.shape[1] >= 3:
            whole = samples[: len(samples) // 50 * 50, :3].astype(np.int16).reshape(-1, 50, 3)
            windows.append(whole[::100][:400])
    return np.concatenate(windows)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("windows_of", [simulated_windows, recorded_windows])
def test_the_device_says_what_the_fit_says_of_worn_sensors(
    library: Library, kind: str, windows_of: Callable[[], NDArray[np.int16]]
) -> None:
    windows = windows_of()
    model = with_vectors(MODELS[kind], windows[:: len(windows) // 16][:16])
    ours, theirs = Evaluator(model).evaluate(windows), library.open(pack_blob(model)).evaluate(windows)
    assert np.abs(ours.logits.astype(float) - theirs.logits).max() <= 1e-4
    assert np.abs(ours.probabilities.astype(float) - theirs.probabilities).max() <= 1e-5
    np.testing.assert_array_equal(ours.decision, theirs.decision)
    np.testing.assert_array_equal(features(windows), library.features(windows))
