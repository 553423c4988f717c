"""Stored samples and measured clocks put together: rows of samples with their times."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np
from kinelog.codecs.values import UNIT_OF_KIND, SensorKind
from kinelog.projections.rows import SampleRow
from kinelog.projections.tables import Key
from kinelog.projections.views.sample_clock import measured_period_ms, start_on_line
from kinelog.projections.views.samples_by_session import STORED_TYPES, StoredClock, StoredSamples
from kinelog.projections.views.session_card import FULL_BLOCK_TOLERANCE

LINE_SLACK_MS = 2000
"""How far a start that was read off a line may be from the start that the frame says (cut to a whole second)."""


class SampleClocks:
    """The clocks of a session's sensors."""

    def __init__(self, clocks: Iterable[StoredClock]) -> None:
        """Measure each of them."""
        self._clocks: dict[Key, StoredClock] = {}
        self._periods: dict[Key, float] = {}
        self.longest_ms = 0
        for clock in clocks:
            key = (clock.device, clock.kind, clock.location, clock.rate_hz)
            self._clocks[key] = clock
            self._periods[key] = _period_ms(clock)
            self.longest_ms = max(self.longest_ms, clock.longest_ms + clock.resolution_ms)

    def earliest(self, low: int) -> int:
        """How early a frame may begin that has samples at `low`."""
        return low - self.longest_ms - LINE_SLACK_MS

    def rows_between(self, pieces: Iterable[StoredSamples], low: int, high: int, limit: int) -> list[SampleRow]:
        """The first rows that start in `[low, high)`, by time, device and sensor; at most `limit`.

        Args:
            pieces: Stored samples by ascending start, from `earliest(low)` on. No more are taken than it needs.
            low: Unix milliseconds.
            high: Excluded.
            limit: Most rows, at least 1.
        """
        rows: list[SampleRow] = []
        latest: list[float] = []  # of the `limit` earliest rows so far, as a heap of negated starts
        for piece in pieces:
            # samples never start before their piece: the line and the offset only move them to later
            if piece.start_ms >= high or (len(latest) == limit and piece.start_ms > -latest[0]):
                break
            if self._key(piece) not in self._clocks:
                continue  # of a batch that is being written: its clock was read before it was there
            row = self.row(piece)
            if low <= row.start_ms < high:
                rows.append(row)
                (heapq.heappush if len(latest) < limit else heapq.heappushpop)(latest, -row.start_ms)
        rows.sort(key=lambda row: (row.start_ms, row.device, row.kind, row.location or "", row.sequence))
        return rows[:limit]

    def row(self, stored: StoredSamples) -> SampleRow:
        """The samples as readers see them."""
        key = self._key(stored)
        period = self._periods[key]
        kind = SensorKind(stored.kind)
        return SampleRow(
            device=stored.device,
            kind=stored.kind,
            location=stored.location or None,
            unit=UNIT_OF_KIND[kind],
            start_ms=self._start_ms(stored, self._clocks[key], period) + stored.offset * period,
            rate_hz=1000 / period,
            samples=np.frombuffer(stored.samples, dtype=STORED_TYPES[kind]).reshape(stored.count, -1),
            sequence=stored.sequence,
            lost=_lost(stored, period),
        )

    @staticmethod
    def _key(stored: StoredSamples) -> Key:
        return (stored.device, stored.kind, stored.location, stored.rate_hz)

    def _start_ms(self, stored: StoredSamples, clock: StoredClock, period: float) -> float:
        if clock.resolution_ms > 1:
            on_line = start_on_line(clock.runs, stored.sequence, period, clock.resolution_ms)
            if on_line is not None:  # whatever the line says, the cut took off less than the resolution
                return min(max(on_line, stored.start_ms), stored.start_ms + clock.resolution_ms)
        return float(stored.start_ms)


def _period_ms(clock: StoredClock) -> float:
    if clock.full_samples:
        return clock.full_ms / clock.full_samples
    measured = measured_period_ms(clock.runs, clock.rate_hz, clock.resolution_ms)
    return 1000 / clock.rate_hz if measured is None else measured


def _lost(stored: StoredSamples, period: float) -> int:
    """Samples that a block's duration had room for and that are not there; told where the block begins."""
    if stored.duration_ms is None or not stored.block_count:
        return 0
    expected = stored.duration_ms / period
    missing = round(expected - stored.block_count)
    return missing if missing > expected * FULL_BLOCK_TOLERANCE else 0
