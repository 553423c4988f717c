"""What the job computes from the tables is what the device computes from its own samples: window by window, by rate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from kinelog.codecs import frames
from kinelog.device.features import features
from kinelog.device.resampling import resample
from kinelog.domain.values import Purpose
from kinelog.ml.dataset import dataset_of_tenant
from kinelog.ml.windows import BEFORE_THE_START, FIRST_SECOND, windows_of
from numpy.typing import NDArray

from tests.ml.fit_floor import Session, Watch, enrolled, trained
from tests.projections.gym_floor import TENANT, GymFloor

PLACEMENTS = (FIRST_SECOND, *BEFORE_THE_START)


def on_device(session: Session, end_ms: int) -> NDArray[np.int16]:
    """The windows that end so long after each labelled start, resampled from the whole session as a device holds it."""
    times, samples = [], []
    for data in session.frames:
        for block in frames.decode(data).blocks:
            summary = block.summary
            assert summary.start_ms is not None
            assert summary.duration_ms is not None
            times.append(summary.start_ms + np.arange(summary.count) * (summary.duration_ms / summary.count))
            samples.append(block.samples.astype(np.int16))
    time_ms = np.concatenate(times)
    grid_ms = math.ceil(time_ms[0] / 20) * 20.0
    rows = resample(np.concatenate(samples), time_ms, start_ms=grid_ms).samples
    ends = [math.floor((done.start_ms + end_ms - grid_ms) / 20 + 0.5) for done in session.sets]
    return np.stack([rows[end - 50 : end] for end in ends])


def differences(floor: GymFloor, watch: Watch) -> tuple[int, float]:
    """The largest difference of samples (mg), and of features."""
    session = trained(floor, enrolled(floor, "ada", Purpose.TRAINING_MODELS), 1, watch)
    floor.project()
    examples = [found for found in dataset_of_tenant(floor.read_side, TENANT).examples if found.label is not None]
    in_mg, in_features = 0, 0.0
    for placement in PLACEMENTS:
        job = windows_of(examples, placement).windows
        device = on_device(session, placement.end_ms)
        assert job.shape == device.shape
        in_mg = max(in_mg, int(np.abs(job.astype(int) - device).max()))
        in_features = max(in_features, float(np.abs(features(job) - features(device)).max()))
    return in_mg, in_features


@pytest.mark.parametrize("rate_hz", [20, 25, 50, 100])
def test_samples_and_features_are_the_same_bits_while_the_clock_is_right(floor: GymFloor, rate_hz: int) -> None:
    assert differences(floor, Watch(rate_hz, float(rate_hz))) == (0, 0.0)


@pytest.mark.parametrize(("rate_hz", "drift"), [(20, 0.985), (25, 1.015), (50, 0.984), (100, 0.99)])
def test_a_clock_that_drifts_moves_samples_by_no_more_than_its_stamps_are_rounded(
    floor: GymFloor, rate_hz: int, drift: float
) -> None:
    """The tables measure a rate over the session, the device goes by each block's stamps in whole milliseconds."""
    in_mg, in_features = differences(floor, Watch(rate_hz, rate_hz * drift))
    assert 0 < in_mg <= 8
    assert in_features <= 8
