"""From signals to samples at 50 Hz around a labelled interval: selected, gated, resampled once, sites side by side.

The grid lies on whole multiples of 20 ms of the signals' clock. So whoever resamples a longer or a shorter part of the
same signal, the device that saw the whole session for one, gets the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from kinelog.device.resampling import resample
from kinelog.device.sites import in_order
from kinelog.ml.examples import KEPT_ROWS, LEAD_ROWS, RATE_HZ
from kinelog.ml.gates import DEFAULT_GATES, Gates, Refused, refusal, unbroken
from kinelog.ml.signals import Signal
from numpy.typing import NDArray

PERIOD_MS = 1000.0 / RATE_HZ
LEAD_MS = LEAD_ROWS * PERIOD_MS
KEPT_MS = KEPT_ROWS * PERIOD_MS
WINDOW_ROWS = RATE_HZ


@dataclass(frozen=True, eq=False, slots=True)
class Cut:
    """Samples around an interval, as an example holds them.

    Attributes:
        sites: Those that passed, in the order of the columns.
        samples: `(rows, 3 * sites)` int16.
        rate_hz: The slowest site's.
        refused: Why sites were left out.
    """

    sites: tuple[str, ...]
    samples: NDArray[np.int16]
    start_row: int
    end_row: int
    rate_hz: float
    refused: dict[str, Refused] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class _OnGrid:
    """Rows of one site from number `first` of the grid on."""

    first: int
    rows: NDArray[np.int16]

    @property
    def behind(self) -> int:
        return self.first + len(self.rows)


def cut(signals: Mapping[str, Signal], start_ms: float, end_ms: float, gates: Gates = DEFAULT_GATES) -> Cut | Refused:
    """Cut a set out of the signals of its sites.

    Sites that do not pass the gates are left out; if none is left, the first site's reason is the answer.

    Args:
        signals: By site.
        start_ms: Labelled start, on the clock of the signals.
        end_ms: Labelled end.
        gates: The bounds.
    """
    found: dict[str, _OnGrid] = {}
    refused: dict[str, Refused] = {}
    for site, signal in signals.items():
        rows = _rows(signal, start_ms, gates)
        if isinstance(rows, Refused):
            refused[site] = rows
        else:
            found[site] = rows
    if not found:
        return next(iter(refused.values()), Refused.EMPTY)
    sites = in_order(found)
    parts = [found[site] for site in sites]
    begin = max(part.first for part in parts)
    start = max(_row_at(start_ms), begin)
    first = max(start - LEAD_ROWS, begin)
    behind = min(start + KEPT_ROWS, *(part.behind for part in parts))
    if behind - start < WINDOW_ROWS:
        return Refused.SHORT
    samples = np.concatenate([part.rows[first - part.first : behind - part.first] for part in parts], axis=1)
    end = min(max(_row_at(end_ms), start + 1), behind)
    rate_hz = min(signals[site].rate_hz for site in sites)
    return Cut(sites, np.ascontiguousarray(samples), start - first, end - first, rate_hz, refused)


def _row_at(time_ms: float) -> int:
    """The grid's row nearest to a time; of two the later, wherever the clock begins (`round` takes the even one)."""
    return math.floor(time_ms / PERIOD_MS + 0.5)


def _rows(signal: Signal, start_ms: float, gates: Gates) -> _OnGrid | Refused:
    # one more period at either end, so that the outer rows of the grid lie between samples
    margin = 2000.0 / max(signal.rate_hz, 1.0)
    near = signal.between(start_ms - LEAD_MS - margin, start_ms + KEPT_MS + margin)
    why = refusal(near, gates)
    if why is not None:
        return why
    stretch = unbroken(near, start_ms, gates)
    if isinstance(stretch, Refused):
        return stretch
    return on_grid(stretch, gates.longest_gap_ms(signal.rate_hz))


def on_grid(signal: Signal, max_gap_ms: float) -> _OnGrid | Refused:
    """A signal's rows on whole multiples of 20 ms.

    Args:
        signal: Without gaps longer than `max_gap_ms`.
        max_gap_ms: What a straight line bridges.
    """
    first = math.ceil(signal.times_ms[0] / PERIOD_MS - 1e-6)
    begin_ms = max(first * PERIOD_MS, float(signal.times_ms[0]))
    if begin_ms > signal.times_ms[-1]:
        return Refused.SHORT
    made = resample(signal.samples, signal.times_ms, RATE_HZ, start_ms=begin_ms, max_gap_ms=max_gap_ms)
    return _OnGrid(first, made.samples)
