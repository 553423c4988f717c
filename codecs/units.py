"""Units of samples: what the words on the wire are in, and what everybody else gets."""

from __future__ import annotations

import numpy as np
from kinelog.codecs.errors import UnencodableError
from kinelog.codecs.values import Samples, SensorKind
from numpy.typing import NDArray

DIMENSIONS = {SensorKind.ACCELEROMETER: 3, SensorKind.GYROSCOPE: 3, SensorKind.HEART_RATE: 1}
"""Values in a row of samples."""

PACKED_PER_RAD_S = 100
"""Packed gyroscope words hold hundredths of a radian a second."""


def samples_from_packed(kind: SensorKind, packed: NDArray[np.int16]) -> Samples:
    """Integer words to samples in their unit.

    Args:
        kind: The sensor.
        packed: `(n, 3)` int16 of the wire; for heart rate `(n, 1)`.

    Returns:
        `(n, 3)` int16 milli-g, `(n, 3)` float64 rad/s or `(n, 1)` int16 beats a minute.
    """
    if kind is SensorKind.GYROSCOPE:
        return packed / PACKED_PER_RAD_S
    return packed


def packed_from_samples(kind: SensorKind, samples: Samples) -> NDArray[np.int64]:
    """Samples to the integers that a packed word carries; rad/s become the nearest hundredths.

    Raises:
        UnencodableError: The samples have another shape, or are not finite.
    """
    if samples.ndim != 2 or samples.shape[1] != DIMENSIONS[kind]:
        raise UnencodableError(f"{kind} samples have the shape (n, {DIMENSIONS[kind]})")
    if kind is not SensorKind.GYROSCOPE:
        return samples.astype(np.int64)
    if not np.isfinite(samples).all():
        raise UnencodableError("a packed word holds no infinite or undefined rad/s")
    # Bounded before the cast: a float beyond int64 has no defined integer.
    hundredths: NDArray[np.float64] = np.rint(np.clip(samples * PACKED_PER_RAD_S, -1e6, 1e6))
    return hundredths.astype(np.int64)
