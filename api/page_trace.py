"""Traces of sensors made light enough to draw: an hour becomes the lowest and highest value of each pixel column.

What is missing stays missing: no value is ever made up between two that were measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from kinelog.projections.rows import SampleRow
from numpy.typing import NDArray

COLUMNS = 1000
"""Pixel columns a trace is drawn in."""
MAX_GAPS = 300
"""Gaps told one by one; the longest are."""
GAP_PERIODS = 2.5
GAP_FLOOR_MS = 100.0
"""Clocks of devices jitter: less silence than this is no gap."""


@dataclass(frozen=True, slots=True)
class Stream:
    """All that one sensor measured in a range.

    Attributes:
        rate_hz: Median of the rows' measured rates.
        times: `(n,)` float64, Unix ms, ascending.
        values: `(n, axes)` in `unit`.
        axes: Name of each column of `values`.
    """

    device: str
    kind: str
    location: str | None
    unit: str
    rate_hz: float
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    axes: tuple[str, ...]

    @property
    def name(self) -> str:
        """What people call it."""
        place = f", {self.location}" if self.location else ""
        return f"{self.kind.replace('_', ' ')} of {self.device}{place}"

    @property
    def gap_ms(self) -> float:
        """Silence longer than this is a gap."""
        return max(GAP_PERIODS * 1000 / self.rate_hz, GAP_FLOOR_MS)

    def gaps(self) -> NDArray[np.float64]:
        """`(m, 2)`: end of the signal before, start of the signal after each gap, Unix ms."""
        last_before = np.flatnonzero(np.diff(self.times) > self.gap_ms)
        return np.column_stack((self.times[last_before] + 1000 / self.rate_hz, self.times[last_before + 1]))

    def between(self, from_ms: float, to_ms: float) -> Stream:
        """The part in `[from, to)`."""
        low, high = np.searchsorted(self.times, (from_ms, to_ms))
        return Stream(
            self.device, self.kind, self.location, self.unit, self.rate_hz,
            self.times[low:high], self.values[low:high], self.axes,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """A stream in words and numbers, for whoever does not see the drawing.

    Attributes:
        signal_s: Seconds of signal, gaps left out.
        lowest, highest: Peaks by axis.
    """

    name: str
    unit: str
    rate_hz: float
    from_ms: float
    to_ms: float
    samples: int
    signal_s: float
    gaps: int
    longest_gap_s: float
    lowest: dict[str, float]
    highest: dict[str, float]


@dataclass(frozen=True, slots=True)
class DrawnStream:
    """What the browser draws of a stream. Fields end up in JSON.

    Attributes:
        envelope: Whether each column of pixels is told by its lowest and highest value, instead of every sample.
        t: Unix ms of each point, shifted to local clocks; null where the line breaks.
        values: By axis, null where the line breaks.
        gaps: `[from, to]`, shifted likewise; the longest ones if there are many.
    """

    id: str
    name: str
    unit: str
    rate_hz: float
    envelope: bool
    t: list[float | None]
    values: dict[str, list[float | None]]
    gaps: list[tuple[float, float]]


def streams_of(rows: Iterable[SampleRow]) -> list[Stream]:
    """Rows put together by device and sensor."""

    def key(row: SampleRow) -> tuple[str, str, str, str]:
        return row.device, row.kind, row.location or "", row.unit

    ordered = sorted((row for row in rows if len(row.samples)), key=key)
    return [_stream(list(group)) for _, group in groupby(ordered, key)]


def _stream(rows: list[SampleRow]) -> Stream:
    first = rows[0]
    times = np.concatenate([row.start_ms + np.arange(len(row.samples)) * (1000 / row.rate_hz) for row in rows])
    values = np.concatenate([row.samples for row in rows]).astype(np.float64)
    order = np.argsort(times, kind="stable")
    axes = ("x", "y", "z") if values.shape[1] == 3 else ("value",)
    rate = float(np.median([row.rate_hz for row in rows]))
    return Stream(first.device, first.kind, first.location, first.unit, rate, times[order], values[order], axes)


def summary(stream: Stream) -> StreamSummary:
    """The stream in numbers; `stream` has at least one sample."""
    gaps = stream.gaps()
    silent = gaps[:, 1] - gaps[:, 0]
    start, end = float(stream.times[0]), float(stream.times[-1]) + 1000 / stream.rate_hz
    return StreamSummary(
        stream.name, stream.unit, stream.rate_hz, start, end, len(stream.times),
        signal_s=(end - start - float(silent.sum())) / 1000,
        gaps=len(gaps),
        longest_gap_s=float(silent.max(initial=0.0)) / 1000,
        lowest=dict(zip(stream.axes, stream.values.min(axis=0).tolist(), strict=True)),
        highest=dict(zip(stream.axes, stream.values.max(axis=0).tolist(), strict=True)),
    )  # fmt: skip


def drawn(stream: Stream, from_ms: float, to_ms: float, shift_ms: float, columns: int = COLUMNS) -> DrawnStream:
    """What to draw of a stream between two times: every sample where there are few, else an envelope."""
    part = stream.between(from_ms, to_ms)
    envelope = len(part.times) > 2 * columns
    times, values = _envelope(part, from_ms, (to_ms - from_ms) / columns) if envelope else _broken(part)
    visible = stream.gaps()
    visible = visible[(visible[:, 1] > from_ms) & (visible[:, 0] < to_ms)]
    longest = visible[np.argsort(visible[:, 0] - visible[:, 1], kind="stable")[:MAX_GAPS]] + shift_ms
    return DrawnStream(
        f"{stream.device}/{stream.kind}/{stream.location or ''}",
        stream.name, stream.unit, stream.rate_hz, envelope,
        t=_nulls(times + shift_ms, digits=1),
        values={axis: _nulls(values[:, column], digits=4) for column, axis in enumerate(stream.axes)},
        gaps=[(round(start, 1), round(end, 1)) for start, end in longest.tolist()],
    )  # fmt: skip


def _broken(part: Stream) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every sample, with a NaN after the last sample before a gap."""
    breaks = np.flatnonzero(np.diff(part.times) > part.gap_ms) + 1
    return np.insert(part.times, breaks, np.nan), np.insert(part.values, breaks, np.nan, axis=0)


def _envelope(part: Stream, from_ms: float, width_ms: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest, then highest value of each column that has samples; NaN between columns with a gap between them."""
    column = ((part.times - from_ms) // width_ms).astype(np.int64)
    starts = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    low = np.minimum.reduceat(part.values, starts, axis=0)
    high = np.maximum.reduceat(part.values, starts, axis=0)
    middle = from_ms + (column[starts] + 0.5) * width_ms
    times = np.repeat(middle, 2)
    values = np.stack((low, high), axis=1).reshape(len(starts) * 2, -1)
    silence = part.times[starts[1:]] - part.times[starts[1:] - 1]
    breaks = (np.flatnonzero(silence > max(part.gap_ms, width_ms)) + 1) * 2
    return np.insert(times, breaks, np.nan), np.insert(values, breaks, np.nan, axis=0)


def _nulls(values: NDArray[np.float64], digits: int) -> list[float | None]:
    """Numbers as JSON has them: NaN is null."""
    return [None if value != value else value for value in np.round(values, digits).tolist()]  # noqa: PLR0124 - NaN
