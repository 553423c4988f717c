"""Augmentation stays within what a device on a body does."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.ml.augmentation import augmented, is_augmented, rotations, site_subsets, sites_there
from kinelog.ml.genome import Genome

from tests.ml.made_fits import movements

WINDOWS = movements().windows
SITES = ("left-wrist", "waist")
PLAIN = Genome()


def changed(**fields: object) -> tuple[np.ndarray, np.ndarray]:
    genome = msgspec.structs.replace(PLAIN, **fields)
    return augmented(WINDOWS, SITES, genome, np.random.default_rng(1))


def test_a_genome_without_augmentation_changes_nothing() -> None:
    assert not is_augmented(PLAIN)
    windows, present = changed()
    assert (windows == WINDOWS).all()
    assert present.all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.5, 20))
def test_rotations_are_rotations_by_no_more_than_the_limit(seed: int, limit: float) -> None:
    turns = rotations(40, limit, np.random.default_rng(seed))
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turns.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1)
    angles = np.rad2deg(np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert angles.max() <= limit + 1e-5


def test_a_rotation_turns_a_whole_window_alike_and_keeps_lengths() -> None:
    windows, _ = changed(rotation_deg=20.0)
    before, after = (np.linalg.norm(w.reshape(-1, 50, 2, 3).astype(float), axis=3) for w in (WINDOWS, windows))
    np.testing.assert_allclose(before, after, atol=1)
    assert (windows != WINDOWS).any(axis=(1, 2)).all()


def test_each_sensor_is_rotated_about_an_axis_of_its_own() -> None:
    same = np.tile(WINDOWS[:, :, :3], 2)
    windows, _ = augmented(same, SITES, msgspec.structs.replace(PLAIN, rotation_deg=20.0), np.random.default_rng(1))
    assert (windows[:, :, :3] != windows[:, :, 3:]).any(axis=(1, 2)).all()


def test_the_other_wrist_sees_x_with_the_other_sign_in_half_of_the_windows() -> None:
    windows, _ = changed(mirror=True)
    mirrored = WINDOWS * np.array([-1, 1, 1, 1, 1, 1], np.int16)
    turned = (windows == mirrored).all(axis=(1, 2))
    assert (turned | (windows == WINDOWS).all(axis=(1, 2))).all()
    assert 0.3 < turned.mean() < 0.7


def test_two_wrists_swap_places_when_mirrored() -> None:
    genome = msgspec.structs.replace(PLAIN, mirror=True)
    windows, _ = augmented(WINDOWS, ("left-wrist", "right-wrist"), genome, np.random.default_rng(1))
    swapped = WINDOWS[:, :, [3, 4, 5, 0, 1, 2]] * np.array([-1, 1, 1, -1, 1, 1], np.int16)
    turned = (windows == swapped).all(axis=(1, 2))
    assert (turned | (windows == WINDOWS).all(axis=(1, 2))).all()
    assert turned.any()


def test_noise_is_as_large_as_the_genome_says() -> None:
    windows, _ = changed(noise_mg=30.0)
    assert (windows.astype(int) - WINDOWS).std() == pytest.approx(30, rel=0.05)


def test_what_leaves_int16_is_cut_off() -> None:
    loud = np.full((4, 50, 6), 32760, np.int16)
    noisy = msgspec.structs.replace(PLAIN, noise_mg=200.0)
    windows, _ = augmented(loud, SITES, noisy, np.random.default_rng(1))
    assert windows.max() == 32767
    assert windows.min() > 30000


def test_an_absent_sensor_is_zeros_whatever_else_is_done() -> None:
    windows, present = changed(masked=True, noise_mg=30.0, rotation_deg=20.0, mirror=True)
    assert (sites_there(windows, 2) == present).all()
    assert present.any(axis=1).all()
    assert 0 < (~present).sum() < present.size


def test_a_sensor_that_was_never_there_does_not_appear() -> None:
    there = np.array([[True, False, True], [False, True, False]] * 200)
    kept = site_subsets(there, np.random.default_rng(0))
    assert not (kept & ~there).any()
    assert kept.any(axis=1).all()
    assert (kept == there).all(axis=1).mean() > 0.3
    worn = WINDOWS.copy()
    worn[:, :, 3:] = 0
    windows, present = augmented(
        worn, SITES, msgspec.structs.replace(PLAIN, noise_mg=50.0, masked=True), np.random.default_rng(1)
    )
    assert not present[:, 1].any()
    assert not windows[:, :, 3:].any()
