"""Frames as watches send them, for tests: made by the encoders."""

from __future__ import annotations

import numpy as np
from kinelog.codecs import gfs, muvr16
from kinelog.codecs.tagged import AD, AE
from kinelog.codecs.values import Block, BlockSummary, SensorKind
from numpy.typing import NDArray

ACCELEROMETER = SensorKind.ACCELEROMETER


def movement(count: int, seed: int = 0) -> NDArray[np.int16]:
    """Samples that no other seed has."""
    return np.random.default_rng(seed).integers(-4000, 4000, (count, 3)).astype(np.int16)


def ae(start_ms: int, count: int = 50, seed: int = 0, rate_hz: int = 50) -> bytes:
    """A frame of today's Pebble app: its clock has whole seconds."""
    block = BlockSummary(ACCELEROMETER, "left-wrist", rate_hz, count, None, start_ms // 1000 * 1000)
    return AE.encode([Block(block, movement(count, seed))])


def muvr16_block(start_ms: int, count: int = 100, duration_ms: int = 2045, sequence: int = 0, seed: int = 0) -> bytes:
    """A block that says how long it lasted."""
    block = BlockSummary(ACCELEROMETER, None, 50, count, sequence % 256, start_ms, duration_ms)
    return muvr16.encode([Block(block, movement(count, seed))])


def gfs_blocks(counts: tuple[int, ...], seed: int = 0, rate_hz: int = 50) -> bytes:
    """Blocks that carry no clock."""
    return gfs.encode(
        [
            Block(BlockSummary(ACCELEROMETER, None, rate_hz, count), movement(count, seed + index))
            for index, count in enumerate(counts)
        ]
    )


def apple_watch(start_ms: int, count: int = 50, seed: int = 0) -> bytes:
    """Accelerometer, gyroscope and heart rate in one frame."""
    numbers = np.random.default_rng(seed)
    sensors = (
        (ACCELEROMETER, "left-wrist", movement(count, seed)),
        (SensorKind.GYROSCOPE, "left-wrist", numbers.normal(0, 2, (count, 3))),
        (SensorKind.HEART_RATE, None, numbers.integers(60, 180, (count, 1)).astype(np.int16)),
    )
    return AD.encode(
        [Block(BlockSummary(kind, location, 50, count, None, start_ms), samples) for kind, location, samples in sensors]
    )
