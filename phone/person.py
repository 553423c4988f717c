"""What distinguishes one person's movement, and one watch, from another's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOMINAL_RATE_HZ = 50


@dataclass(frozen=True, slots=True)
class Style:
    """One person with one watch.

    Attributes:
        worn: 3 x 3 rotation: how the watch sits on the wrist.
        side: `l` or `r`.
        tempo: Factor on the duration of repetitions.
        reach: Factor on the range of movements.
        strength: Factor on weights.
        fatigue: 0 (never tires) to 1: slows and shortens the last repetitions of a set.
        tremor_hz: Frequency of the hand's tremor.
        tremor_mg: Its amplitude at rest.
        noise_mg: Standard deviation of the sensor's noise.
        true_rate_hz: Samples a second that the watch really takes while it says 50.
        corrects: How often the person puts right what the watch recognised.
    """

    worn: NDArray[np.float64]
    side: str
    tempo: float
    reach: float
    strength: float
    fatigue: float
    tremor_hz: float
    tremor_mg: float
    noise_mg: float
    true_rate_hz: float
    corrects: float


def draw_style(rng: np.random.Generator) -> Style:
    """Draw a person and a watch."""
    side = "l" if rng.random() < 0.8 else "r"
    worn = rotation(rng.normal(size=3), rng.normal(0.0, 0.18))
    if side == "r":
        worn = worn @ np.diag([1.0, -1.0, 1.0])  # the other arm is a mirror image across the forearm
    return Style(
        worn=worn,
        side=side,
        tempo=float(np.exp(rng.normal(0.0, 0.14))),
        reach=float(np.clip(rng.normal(1.0, 0.08), 0.7, 1.2)),
        strength=float(np.exp(rng.normal(0.0, 0.3))),
        fatigue=float(rng.uniform(0.15, 0.9)),
        tremor_hz=float(rng.uniform(8.0, 12.0)),
        tremor_mg=float(rng.uniform(2.0, 9.0)),
        noise_mg=float(rng.uniform(6.0, 14.0)),
        true_rate_hz=float(np.clip(rng.normal(49.2, 0.5), 47.5, 51.0)),
        corrects=float(rng.uniform(0.05, 0.35)),
    )


AGE_GROUPS = ("under-20", "20s", "30s", "40s", "50s", "60-and-over")
SEXES = ("female", "male", "other")
PROFICIENCIES = ("beginner", "intermediate", "advanced")


def draw_profile(rng: np.random.Generator) -> dict[str, str]:
    """What a person says of themselves: age group, sex and proficiency, some of which a few leave out."""
    said = {
        "age_group": str(rng.choice(AGE_GROUPS, p=(0.08, 0.32, 0.28, 0.16, 0.1, 0.06))),
        "sex": str(rng.choice(SEXES, p=(0.47, 0.5, 0.03))),
        "proficiency": str(rng.choice(PROFICIENCIES, p=(0.35, 0.45, 0.2))),
    }
    return {name: value for name, value in said.items() if rng.random() < 0.95}


def rotation(axis: NDArray[np.float64], angle_rad: float) -> NDArray[np.float64]:
    """The 3 x 3 matrix of a turn about an axis of any length but zero."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle_rad) * cross + (1.0 - np.cos(angle_rad)) * (cross @ cross))
