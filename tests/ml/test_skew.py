"""What the job computes from the tables is what the device computes from its own samples: window by window, by rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from kinelog.codecs import frames
from kinelog.device.features import features
from kinelog.device.resampling import resample
from kinelog.domain.values import Purpose
from kinelog.ml.dataset import dataset_of_tenant
from kinelog.ml.tables import signals_of
from kinelog.ml.windows import BEFORE_THE_START, FIRST_SECOND, windows_of
from numpy.typing import NDArray

from tests.ml.fit_floor import Session, Watch, enrolled, trained
from tests.projections.gym_floor import TENANT, GymFloor

PLACEMENTS = (FIRST_SECOND, *BEFORE_THE_START)
STAMPS_MS = 1.0
"""How far apart two may place one sample: a block's stamps are whole milliseconds, and both its ends are rounded."""


@dataclass(frozen=True)
class Held:
    """A session's samples as a device holds them.

    Attributes:
        session: As it was sent.
        times_ms: `(n,)` by the stamps of each sample's block.
        samples: `(n, 3)` int16.
    """

    session: Session
    times_ms: NDArray[np.float64]
    samples: NDArray[np.int16]

    @classmethod
    def of(cls, session: Session) -> Held:
        """What the frames hold."""
        times, samples = [], []
        for data in session.frames:
            for block in frames.decode(data).blocks:
                summary = block.summary
                assert summary.start_ms is not None
                assert summary.duration_ms is not None
                times.append(summary.start_ms + np.arange(summary.count) * (summary.duration_ms / summary.count))
                samples.append(block.samples.astype(np.int16))
        return cls(session, np.concatenate(times), np.concatenate(samples))

    @cached_property
    def grid_ms(self) -> float:
        """Where its rows begin."""
        return math.ceil(float(self.times_ms[0]) / 20) * 20.0

    @cached_property
    def rows(self) -> NDArray[np.int16]:
        """`(rows, 3)` at 50 Hz."""
        return resample(self.samples, self.times_ms, start_ms=self.grid_ms).samples

    @cached_property
    def steepness(self) -> NDArray[np.float64]:
        """`(rows, 3)` of each row: mg a millisecond, the most on the piece that it lies on and on those beside it."""
        pieces = np.abs(np.diff(self.samples.astype(float), axis=0)) / np.diff(self.times_ms)[:, None]
        wide = np.concatenate([pieces[:1], pieces, pieces[-1:]])
        around = np.max([wide[:-2], wide[1:-1], wide[2:]], axis=0)
        at = np.searchsorted(self.times_ms, self.grid_ms + 20.0 * np.arange(len(self.rows)), side="right") - 1
        found: NDArray[np.float64] = around[np.minimum(at, len(around) - 1)]
        return found

    def windows(self, rows: NDArray[np.int16] | NDArray[np.float64], end_ms: int) -> NDArray[np.float64]:
        """The rows of the windows that end so long after each labelled start, `(sets, 50, 3)`."""
        ends = [math.floor((done.start_ms + end_ms - self.grid_ms) / 20 + 0.5) for done in self.session.sets]
        return np.stack([rows[end - 50 : end] for end in ends]).astype(float)


@dataclass(frozen=True)
class Differences:
    """Between what the job and the device see, at most.

    Attributes:
        mg: Of samples.
        features: Of features.
        apart_ms: Of the times that both give one sample.
        unexplained_mg: What is left of a sample's difference when the most is taken off that its time can be worth.
    """

    mg: int
    features: float
    apart_ms: float
    unexplained_mg: float


def differences(floor: GymFloor, watch: Watch) -> Differences:
    """Send a session, fold it, read it, and compare."""
    session = trained(floor, enrolled(floor, "ada", Purpose.TRAINING_MODELS), 1, watch)
    floor.project()
    device = Held.of(session)
    rows = floor.read_side.samples(TENANT, session.person.pseudonym, session.session, 0, 1 << 50, 1 << 20)
    (signal,) = signals_of(rows).values()
    assert np.array_equal(signal.samples, device.samples)
    examples = [found for found in dataset_of_tenant(floor.read_side, TENANT).examples if found.label is not None]
    mg, unexplained, in_features = 0, 0.0, 0.0
    for placement in PLACEMENTS:
        job, held = windows_of(examples, placement).windows, device.windows(device.rows, placement.end_ms)
        assert job.shape == held.shape
        apart = np.abs(job - held)
        worth = device.windows(device.steepness, placement.end_ms) * STAMPS_MS
        mg, unexplained = max(mg, int(apart.max())), max(unexplained, float((apart - worth).max()))
        in_features = max(in_features, float(np.abs(features(job) - features(held.astype(np.int16))).max()))
    return Differences(mg, in_features, float(np.abs(signal.times_ms - device.times_ms).max()), unexplained)


@pytest.mark.parametrize("rate_hz", [20, 25, 50, 100])
def test_samples_and_features_are_the_same_bits_while_the_clock_is_right(floor: GymFloor, rate_hz: int) -> None:
    found = differences(floor, Watch(rate_hz, float(rate_hz)))
    assert (found.mg, found.features) == (0, 0.0)
    assert found.apart_ms < 1e-3


@pytest.mark.parametrize(
    ("rate_hz", "drift", "most_mg", "most_in_features"),
    [(20, 1.016, 3, 3), (25, 1.009, 6, 5), (50, 1.007, 6, 4), (100, 0.994, 7, 6)],
)
def test_a_clock_that_drifts_moves_samples_by_no_more_than_its_stamps_are_rounded(
    floor: GymFloor, rate_hz: int, drift: float, most_mg: int, most_in_features: int
) -> None:
    """The tables measure a rate over the session, the device goes by each block's stamps in whole milliseconds.

    Drifts are those that show the most of 32, from 0.1 to 1.6 % to either side.
    """
    found = differences(floor, Watch(rate_hz, rate_hz * drift))
    assert 0 < found.apart_ms < STAMPS_MS
    assert 0 < found.mg <= most_mg
    assert found.unexplained_mg <= 1, "each of the two is rounded to whole mg once"
    assert found.features <= most_in_features
