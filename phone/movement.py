"""Accelerometer signals of rest, of setting up and of repetitions, as a watch on the wrist would measure them.

All functions give `(n, 3)` float64 milli-g in the frame of an upright watch, sampled at the watch's true rate;
`as_measured` turns the watch the way it is worn and adds what a sensor adds.
"""

from __future__ import annotations

import numpy as np
from kinelog.phone.exercises import Exercise
from kinelog.phone.person import Style
from numpy.typing import NDArray

Signal = NDArray[np.float64]

GRAVITY_MG = 1000.0
METRES_PER_S2_IN_MG = 1000.0 / 9.80665
CLIP_MG = 4095
RESOLUTION_MG = 8
SETUP_S = 1.0
HANGING = (-0.93, -0.15, -0.33)
"""Direction of gravity at the wrist of a person who stands about."""


def unit(vector: tuple[float, float, float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector's direction."""
    array = np.asarray(vector, dtype=np.float64)
    return np.asarray(array / np.linalg.norm(array))


def rest(rng: np.random.Generator, style: Style, seconds: float, after: Exercise | None = None) -> Signal:
    """Standing about: gravity drifts slowly, the hand trembles, now and then an arm does something else.

    `after` is the exercise whose posture the arm comes from.
    """
    count = max(1, round(seconds * style.true_rate_hz))
    time_s = np.arange(count) / style.true_rate_hz
    direction = unit(HANGING) + _wander(rng, time_s)
    if after is not None:
        share = _ease(np.clip(time_s / SETUP_S, 0.0, 1.0))[:, None]
        direction = share * direction + (1.0 - share) * unit(after.posture)
    signal = GRAVITY_MG * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    for _ in range(rng.poisson(seconds / 20.0)):
        middle, width = rng.uniform(0.0, seconds), rng.uniform(0.15, 0.8)
        push = rng.normal(0.0, 260.0, size=3)
        signal += np.exp(-0.5 * ((time_s - middle) / width) ** 2)[:, None] * push
    return np.asarray(signal + _tremor(rng, style, time_s, effort=1.0))


def setup(rng: np.random.Generator, style: Style, exercise: Exercise) -> Signal:
    """The second in which the exercise is taken up: from hanging to the first posture, with its jerks."""
    count = round(SETUP_S * style.true_rate_hz)
    time_s = np.arange(count) / style.true_rate_hz
    share = _ease(time_s / SETUP_S)[:, None]
    direction = (1.0 - share) * unit(HANGING) + share * unit(exercise.posture)
    signal = GRAVITY_MG * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    for jerk in exercise.setup:
        middle = jerk.at_s * rng.normal(1.0, 0.06)
        push = np.asarray(jerk.push_mg) * style.reach * rng.normal(1.0, 0.12)
        signal += np.exp(-0.5 * ((time_s - middle) / jerk.width_s) ** 2)[:, None] * push
    return np.asarray(signal + _tremor(rng, style, time_s, effort=1.5))


def repetitions(rng: np.random.Generator, style: Style, exercise: Exercise, count: int) -> Signal:
    """A set: every repetition a little slower and shorter than the one before, as the person tires."""
    lifted = np.concatenate([_one_repetition(rng, style, exercise, tired) for tired in _tiredness(style, count)])
    time_s = np.arange(len(lifted)) / style.true_rate_hz
    gravity = GRAVITY_MG * _turned(unit(exercise.posture), unit(exercise.axis), lifted * exercise.range_rad)
    smooth = np.convolve(np.pad(lifted, 3, mode="edge"), np.full(7, 1 / 7), mode="valid")
    pull = np.gradient(np.gradient(smooth)) * style.true_rate_hz**2 * exercise.path_m * METRES_PER_S2_IN_MG
    effort = 1.0 + 4.0 * style.fatigue * np.linspace(0.0, 1.0, len(lifted))[:, None]
    return np.asarray(gravity + pull[:, None] * unit(exercise.path) + effort * _tremor(rng, style, time_s, effort=1.2))


def as_measured(rng: np.random.Generator, style: Style, signal: Signal) -> NDArray[np.int16]:
    """What the sensor says: turned as worn, noisy, in steps of 8 milli-g, clipped at ±4095."""
    worn = signal @ style.worn.T + rng.normal(0.0, style.noise_mg, size=signal.shape)
    stepped = np.round(worn / RESOLUTION_MG) * RESOLUTION_MG
    return np.clip(stepped, -CLIP_MG, CLIP_MG).astype(np.int16)


def _tiredness(style: Style, count: int) -> NDArray[np.float64]:
    return style.fatigue * np.linspace(0.0, 1.0, count) ** 1.6


def _one_repetition(rng: np.random.Generator, style: Style, exercise: Exercise, tired: float) -> NDArray[np.float64]:
    """How far the weight is lifted, 0 to about 1, at each sample of one repetition."""
    seconds = exercise.repetition_s * style.tempo * (1.0 + 0.6 * tired) * float(np.exp(rng.normal(0.0, 0.05)))
    height = style.reach * (1.0 - 0.25 * tired) * float(rng.normal(1.0, 0.03))
    phase = np.linspace(0.0, 1.0, max(4, round(seconds * style.true_rate_hz)), endpoint=False)
    up, down = exercise.lift_share, exercise.lift_share + exercise.hold_share
    falling = np.clip((phase - down) / (1.0 - down), 0.0, 1.0)
    return np.asarray(height * (_ease(np.clip(phase / up, 0.0, 1.0)) - _ease(falling)))


def _ease(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimum-jerk movement from 0 to 1: how hands travel between two points."""
    return share**3 * (10.0 - 15.0 * share + 6.0 * share**2)


def _turned(start: Signal, axis: Signal, angles: NDArray[np.float64]) -> Signal:
    """Gravity in the frame of a wrist that has turned by each angle (Rodrigues' formula)."""
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    along = axis * float(axis @ start)
    return np.asarray(along + cosine * (start - along) + sine * np.cross(axis, start))


def _wander(rng: np.random.Generator, time_s: NDArray[np.float64]) -> Signal:
    """Slow drift of the arm's direction: a few sines of random period and phase on each axis."""
    drift = np.zeros((len(time_s), 3))
    for _ in range(3):
        period, phase, size = rng.uniform(6.0, 40.0), rng.uniform(0.0, 2 * np.pi, 3), rng.normal(0.0, 0.09, 3)
        drift += size * np.sin(2 * np.pi * time_s[:, None] / period + phase)
    return drift


def _tremor(rng: np.random.Generator, style: Style, time_s: NDArray[np.float64], effort: float) -> Signal:
    phase = rng.uniform(0.0, 2 * np.pi, 3)
    waves = np.sin(2 * np.pi * style.tremor_hz * time_s[:, None] + phase)
    return np.asarray(waves * style.tremor_mg * effort)
