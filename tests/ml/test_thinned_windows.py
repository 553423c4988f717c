"""Windows seen through slower sensors and lossy links: repeatable, and as the resampler brings them back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.device.resampling import resample
from kinelog.ml.augmentation import augmented, is_augmented
from kinelog.ml.genome import Genome
from kinelog.ml.thinned_windows import (
    FASTEST_HZ,
    LONGEST_PACKET_MS,
    SHORTEST_PACKET_MS,
    SLOWEST_HZ,
    Source,
    drawn_source,
    seen_through,
    thinned,
)

from tests.ml.made_fits import movements

MOVEMENTS = movements().windows
WINDOWS = MOVEMENTS[:, :, :3].astype(np.float64)
ROWS = np.arange(50)
seeds = st.integers(0, 2**32)


def sources(seed: int, count: int = 200) -> list[Source]:
    rng = np.random.default_rng(seed)
    return [drawn_source(1000.0, rng) for _ in range(count)]


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_a_source_is_a_slow_sensor_or_a_link_that_loses_one_packet_of_the_window(seed: int) -> None:
    for source in sources(seed, 30):
        if source.rate_hz == 50:
            lost_ms = source.lost_to_ms - source.lost_from_ms
            assert SHORTEST_PACKET_MS - 1e-9 <= lost_ms <= LONGEST_PACKET_MS + 1e-9
            assert source.lost_to_ms >= 0
            assert source.lost_from_ms <= 1000
        else:
            assert SLOWEST_HZ <= source.rate_hz <= FASTEST_HZ
            assert 0 <= source.averaged_ms <= 1000 / source.rate_hz
            assert source.lost_from_ms == source.lost_to_ms
            assert source.first_ms <= -1000 / source.rate_hz


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_what_is_seen_lies_within_what_there_was_whatever_the_source(seed: int) -> None:
    (source,) = sources(seed, 1)
    seen = seen_through(source, WINDOWS[:3])
    assert seen.shape == WINDOWS[:3].shape
    assert (seen >= WINDOWS[:3].min(axis=1, keepdims=True)).all()
    assert (seen <= WINDOWS[:3].max(axis=1, keepdims=True)).all()


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(-15_000, 15_000))
def test_a_sensor_that_lies_still_is_seen_as_it_is(seed: int, value: int) -> None:
    still = np.full((1, 50, 3), float(value))
    assert (seen_through(sources(seed, 1)[0], still) == still).all()


@pytest.mark.parametrize("rate_hz", [10.0, 12.5, 25.0])
def test_a_sensor_that_does_not_average_is_what_the_resampler_makes_of_its_samples(rate_hz: float) -> None:
    every = round(50 / rate_hz)
    own = np.arange(0, 50, every)
    seen = seen_through(Source(rate_hz, -2000 / rate_hz), WINDOWS[:1])
    expected = resample(WINDOWS[0, own].astype(np.int16), own.astype(np.float64) * 20.0).samples
    assert (seen[0, : len(expected)] == expected).all()


def test_a_lost_packet_is_bridged_by_a_straight_line_and_the_rest_stays() -> None:
    seen = seen_through(Source(50.0, -800.0, 0.0, 300.0, 700.0), WINDOWS[:1])[0]
    there = (ROWS < 15) | (ROWS >= 35)
    assert (seen[there] == WINDOWS[0, there]).all()
    line = np.linspace(WINDOWS[0, 14], WINDOWS[0, 35], 22)[1:-1]
    np.testing.assert_allclose(seen[~there], line, atol=0.5 + 1e-9)


def test_a_mean_over_the_period_hides_what_a_moment_would_show_as_a_slow_movement() -> None:
    fast = np.repeat(1000 * np.sin(2 * np.pi * 10.4 * ROWS / 50)[None, :, None], 3, axis=2)
    moment = seen_through(Source(10.0, -200.0), fast)[:, 10:40]
    mean = seen_through(Source(10.0, -200.0, 100.0), fast)[:, 10:40]
    assert mean.std() < 0.3 * moment.std()


@settings(max_examples=10, deadline=None)
@given(seeds, st.floats(0.1, 1.0))
def test_the_same_generator_changes_the_same_windows_alike(seed: int, share: float) -> None:
    one, other = (thinned(WINDOWS[:20], share, np.random.default_rng(seed)) for _ in range(2))
    assert (one == other).all()


def test_the_share_of_the_genome_is_changed_and_the_rest_stays_as_it_is() -> None:
    many = np.tile(WINDOWS, (10, 1, 1))
    seen = thinned(many, 0.3, np.random.default_rng(2))
    touched = (seen != many).any(axis=(1, 2))
    assert 0.25 < touched.mean() < 0.35
    assert (thinned(many, 0.0, np.random.default_rng(2)) == many).all()


def test_sensors_of_one_window_are_slow_each_for_itself_and_an_absent_one_stays_absent() -> None:
    genome = Genome(thinned=0.5)
    assert is_augmented(genome)
    worn = MOVEMENTS.copy()
    worn[::2, :, 3:] = 0
    windows, present = augmented(worn, ("left-wrist", "waist"), genome, np.random.default_rng(4))
    changed = (windows != worn).reshape(-1, 50, 2, 3).any(axis=(1, 3))
    assert (changed[:, 0] & ~changed[:, 1]).any()
    assert (~changed[1::2, 0] & changed[1::2, 1]).any()
    assert not windows[::2, :, 3:].any()
    assert (present[:, 1] == (np.arange(len(worn)) % 2 == 1)).all()
