"""What a frame means once it is decoded: plain values, the same for every wire format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

DECODER_VERSION = 1
"""Raised whenever the same bytes decode to other values; stored with every recorded frame."""


class Format(StrEnum):
    """Names of the wire formats; the last four are historic and never guessed."""

    GFS = "gfs"
    MULTIPACKET = "multipacket"
    MUVR16 = "muvr16"
    AE = "ae"
    AD = "ad"
    GFS_FEFC = "gfs-fefc"
    GFS_FEF7 = "gfs-fef7"
    AD_INT16 = "ad-int16"
    AD_LEGACY19 = "ad-legacy19"


class SensorKind(StrEnum):
    """What was measured."""

    ACCELEROMETER = "accelerometer"
    GYROSCOPE = "gyroscope"
    HEART_RATE = "heart_rate"


class DeviceKind(StrEnum):
    """What kind of device speaks a format."""

    PEBBLE = "pebble"
    PHONE = "phone"
    APPLE_WATCH = "apple-watch"
    UNKNOWN = "unknown"


Samples: TypeAlias = NDArray[np.int16] | NDArray[np.float64]
"""`(n, 3)` int16 milli-g, `(n, 3)` float64 rad/s, or `(n, 1)` int16 beats a minute."""

USUAL_RATE_HZ = {SensorKind.ACCELEROMETER: 50, SensorKind.GYROSCOPE: 50, SensorKind.HEART_RATE: 1}
"""What is reckoned with where a frame says 0 samples a second: the rate of the devices in the field."""

UNIT_OF_KIND = {SensorKind.ACCELEROMETER: "mg", SensorKind.GYROSCOPE: "rad/s", SensorKind.HEART_RATE: "bpm"}


class BlockSummary(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One sensor's run of samples, without the samples.

    Attributes:
        kind: What was measured.
        location: Where the sensor sits (`wrist waist chest foot any left-wrist right-wrist`), or None.
        rate_hz: Nominal samples a second; real rates drift from it. 0 where an `ae` or `ad` frame does not say.
        count: Rows of samples.
        sequence: The frame's own sequence number (muvr16: 0-255, wraps), or None.
        start_ms: Unix milliseconds of the first sample as the device says it, however wrong its clock; None where the
            format carries no clock, or its clock shows no number.
        duration_ms: How long the block says it lasted, or None.
    """

    kind: SensorKind
    location: str | None
    rate_hz: int
    count: int
    sequence: int | None = None
    start_ms: int | None = None
    duration_ms: int | None = None

    @property
    def unit(self) -> str:
        """`mg`, `rad/s` or `bpm`."""
        return UNIT_OF_KIND[self.kind]

    @property
    def pace_hz(self) -> int:
        """Samples a second to reckon with, never 0: the nominal rate, or what such a sensor usually does."""
        return self.rate_hz or USUAL_RATE_HZ[self.kind]


class FrameSummary(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Everything of a frame but its samples: what a journal event keeps beside the bytes as received.

    Attributes:
        format: The layout that the bytes were found (or named) to be in.
        decoder: `DECODER_VERSION` of the code that looked.
        device: Kind of device that speaks this.
        blocks: One entry a sensor block, in the order of the bytes.
        dead: The watch says that it stopped (count 0 and one byte of payload).
    """

    format: Format
    decoder: int
    device: DeviceKind
    blocks: tuple[BlockSummary, ...]
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A block with its samples.

    Attributes:
        summary: What kind, where, when, at what rate.
        samples: `(n, 3)` int16 milli-g, `(n, 3)` float64 rad/s, or `(n, 1)` int16 beats a minute.
    """

    summary: BlockSummary
    samples: Samples


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame."""

    summary: FrameSummary
    blocks: tuple[Block, ...]
