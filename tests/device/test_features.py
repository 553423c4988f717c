"""The front end features/1 against its rules, written out slowly, and on the windows that break sums and divisions."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from kinelog.device.features import BANDS_HZ, FEATURE_NAMES, FEATURES_PER_SITE, features
from numpy.typing import NDArray

CLIPPED = 16_000


def slow_features(window: NDArray[np.int16]) -> list[float]:
    """One site of one window, (50, 3), by the textbook: math.fsum, a plain Fourier sum, sorted lists."""
    axes = [[float(value) for value in window[:, axis]] for axis in range(3)]
    magnitude = [math.sqrt(x * x + y * y + z * z) for x, y, z in zip(*axes, strict=True)]
    channels = [*axes, magnitude]
    found = []
    for axis in axes:
        ordered = sorted(axis)
        median = (ordered[24] + ordered[25]) / 2
        found += [_mean(axis), _deviation(axis), ordered[0], ordered[12], median, ordered[37], ordered[-1]]
    found += [_mean(magnitude), _deviation(magnitude), min(magnitude), max(magnitude)]
    found += [_mean(channel[start : start + 10]) for channel in channels for start in range(0, 50, 10)]
    for channel in channels:
        powers = [_power(channel, hertz) for hertz in range(1, 26)]
        found += [math.sqrt(math.fsum(powers[low - 1 : high])) for low, high in (*BANDS_HZ, (13, 25))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        ours, theirs = _mean(axes[one]), _mean(axes[other])
        shared = _mean([(a - ours) * (b - theirs) for a, b in zip(axes[one], axes[other], strict=True)])
        found.append(shared / (_deviation(axes[one]) * _deviation(axes[other]) + 1000))
    found.append(math.hypot(*(_mean(axis) for axis in axes)))
    for rows in (slice(0, 50), slice(0, 10), slice(40, 50)):
        vector = [_mean(axis[rows]) for axis in axes]
        found += [component / (math.hypot(*vector) + 1) for component in vector]
    return found


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(values: list[float]) -> float:
    mean = _mean(values)
    return math.sqrt(_mean([(value - mean) ** 2 for value in values]))


def _power(channel: list[float], hertz: int) -> float:
    """The part of the variance at one frequency; the highest of 50 rows has no mirror image."""
    mean = _mean(channel)
    turn = sum((value - mean) * cmath.exp(-2j * math.pi * hertz * row / 50) for row, value in enumerate(channel))
    return abs(turn) ** 2 / 2500 * (1 if hertz == 25 else 2)


def _movement(seed: int, sites: int = 1) -> NDArray[np.int16]:
    rng = np.random.default_rng(seed)
    seconds = np.arange(50) / 50
    swing = 400 * np.sin(2 * np.pi * (1 + 2 * rng.random(3 * sites)) * seconds[:, None] + rng.random(3 * sites))
    samples: NDArray[np.float64] = rng.normal(0, 600, 3 * sites) + swing + rng.normal(0, 30, (50, 3 * sites))
    return np.rint(samples).astype(np.int16)


def _of(window: NDArray[np.int16]) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, features(window[None])[0].tolist(), strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_a_movement_has_the_features_of_the_textbook(seed: int) -> None:
    window = _movement(seed)
    np.testing.assert_allclose(features(window[None])[0], slow_features(window), rtol=1e-6, atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(window=arrays(np.int16, (50, 3), elements=st.integers(-32768, 32767)))
def test_any_int16_window_has_the_features_of_the_textbook_and_all_are_finite(window: NDArray[np.int16]) -> None:
    found = features(window[None])[0]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, slow_features(window), rtol=1e-5, atol=0.02)


def test_a_still_window_has_gravity_and_neither_deviation_nor_bands_nor_correlation() -> None:
    found = _of(np.tile(np.array([-300, 120, 940], np.int16), (50, 1)))
    still = [name for name in FEATURE_NAMES if "deviation" in name or "hz" in name or "correlation" in name]
    assert max(abs(found[name]) for name in still) < 1e-9
    assert found["gravity.length"] == pytest.approx(math.hypot(300, 120, 940))
    assert found["gravity.window.z"] == pytest.approx(940 / (math.hypot(300, 120, 940) + 1))
    assert found["gravity.first.x"] == found["gravity.last.x"] == found["gravity.window.x"]


def test_a_sensor_that_flickers_by_one_milli_g_is_all_but_uncorrelated() -> None:
    flicker = np.where(np.arange(50) % 2, 1, -1).astype(np.int16)
    found = _of(np.stack([flicker, flicker, flicker + 1000], axis=1).astype(np.int16))
    assert found["x.deviation"] == found["x.above-12hz"] == 1.0
    assert found["correlation.xy"] == pytest.approx(1 / 1001)


def test_an_absent_site_of_zeros_has_features_of_zero() -> None:
    assert not features(np.zeros((1, 50, 3), np.int16)).any()


def test_a_clipped_window_is_finite_and_shows_its_limits() -> None:
    square = np.where(np.arange(50) // 5 % 2, CLIPPED, -CLIPPED).astype(np.int16)
    found = _of(np.stack([square, -square, square], axis=1))
    assert found["x.minimum"] == found["x.p25"] == -CLIPPED
    assert found["x.maximum"] == found["x.p75"] == CLIPPED
    assert found["correlation.xy"] == pytest.approx(-1, abs=1e-5)
    assert found["m.deviation"] == pytest.approx(0, abs=1e-6)


def test_the_lowest_int16_in_every_sample_does_not_overflow() -> None:
    found = _of(np.full((50, 3), -32768, np.int16))
    assert found["m.maximum"] == pytest.approx(32768 * math.sqrt(3))
    assert found["x.deviation"] == 0.0


def test_one_spike_moves_the_maximum_and_leaves_median_and_quartiles() -> None:
    window = np.tile(np.array([0, 0, 1000], np.int16), (50, 1))
    window[31, 0] = 8000
    found = _of(window)
    assert (found["x.maximum"], found["x.p25"], found["x.p50"], found["x.p75"]) == (8000.0, 0.0, 0.0, 0.0)
    assert found["x.1hz"] == pytest.approx(8000 * math.sqrt(2) / 50)


@pytest.mark.parametrize(("hertz", "band"), [(1, "1hz"), (2, "2hz"), (3, "3-4hz"), (4, "3-4hz"), (5, "5-7hz")])
def test_a_whole_number_of_turns_lies_in_its_band_alone(hertz: int, band: str) -> None:
    turns = np.rint(10_000 * np.cos(2 * np.pi * hertz * np.arange(50) / 50)).astype(np.int16)
    found = _of(np.stack([turns, turns, turns], axis=1))
    bands = {name: found[name] for name in FEATURE_NAMES if name.startswith("x.") and name.endswith("hz")}
    assert bands.pop(f"x.{band}") == pytest.approx(10_000 / math.sqrt(2), rel=1e-4)
    assert max(bands.values()) < 1


@pytest.mark.parametrize("hertz", [12, 13, 25])
def test_the_highest_band_begins_above_twelve_hertz(hertz: int) -> None:
    turns = np.rint(10_000 * np.cos(2 * np.pi * hertz * np.arange(50) / 50)).astype(np.int16)
    found = _of(np.stack([turns, turns, turns], axis=1))
    loud = "x.above-12hz" if hertz > 12 else "x.8-12hz"
    quiet = "x.8-12hz" if hertz > 12 else "x.above-12hz"
    assert found[quiet] < 1
    assert found[loud] > 7000


def test_bits_do_not_depend_on_how_many_windows_are_computed_together() -> None:
    windows = np.stack([_movement(seed) for seed in range(600)])
    together = features(windows)
    alone = np.concatenate([features(windows[at : at + 1]) for at in range(0, 600, 7)])
    assert together[::7].tobytes() == alone.tobytes()
    assert features(np.asfortranarray(windows)).tobytes() == together.tobytes()


def test_sites_follow_one_another_and_do_not_touch_each_other() -> None:
    window = _movement(3, sites=2)
    both = features(window[None])[0]
    assert both.tobytes() == np.concatenate([features(window[None, :, at : at + 3])[0] for at in (0, 3)]).tobytes()
    assert both.shape == (2 * FEATURES_PER_SITE,)


def test_every_feature_has_a_name_of_its_own() -> None:
    assert len(set(FEATURE_NAMES)) == FEATURES_PER_SITE == 82


@pytest.mark.parametrize(
    "windows",
    [np.zeros((1, 49, 3), np.int16), np.zeros((1, 50, 4), np.int16), np.zeros((50, 3), np.int16)],
)
def test_another_shape_is_refused(windows: NDArray[np.int16]) -> None:
    with pytest.raises(ValueError, match="shape"):
        features(windows)


def test_samples_that_are_not_int16_are_refused() -> None:
    with pytest.raises(ValueError, match="float64"):
        features(np.zeros((1, 50, 3)))  # type: ignore[arg-type]


def test_no_windows_have_no_features() -> None:
    assert features(np.zeros((0, 50, 6), np.int16)).shape == (0, 2 * FEATURES_PER_SITE)
