"""What happened in a recording, set by set: signals by site and a labelled interval, out of rows of any kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from kinelog.ml.recorded_sets import RecordedSet, Recording, SetColumns
from kinelog.ml.recording_traps import NOTHING, SITES, UNKNOWN_SITE, in_milli_g
from kinelog.ml.signals import Signal, evenly

PIECE_MS = 10_000.0
"""Length of a negative out of a longer stretch."""
APART_MS = 6_000.0
"""Least time between a set and what counts as nothing: farther than any window before a start reaches."""


@dataclass(frozen=True, eq=False, slots=True)
class Occasion:
    """One set, or a stretch of nothing.

    Attributes:
        index: Of the row in its recording; `part` counts where a row makes several.
        label: None for nothing.
        start_ms, end_ms: On the clock of the signals.
    """

    index: int
    part: int
    columns: SetColumns
    signals: Mapping[str, Signal]
    label: str | None
    fine: str | None
    start_ms: float
    end_ms: float


def occasions(recording: Recording, rates: Mapping[int, float], negatives: int) -> Iterator[Occasion]:
    """All occasions of a recording.

    Args:
        recording: As read.
        rates: True rows a second of rows whose own word is wrong.
        negatives: Most pieces of nothing out of one stretch.
    """
    for rows in _together(recording.sets):
        signals = [_signals(row, rates.get(row.index, row.columns.rate_hz)) for row in rows]
        first = rows[0]
        if first.columns.kind is not None and first.columns.file is not None:
            yield from _watched(rows, signals, negatives)
        elif first.columns.labels is not None:
            yield from _phases(first, signals[0])
        else:
            yield from _whole(first, {site: signal for part in signals for site, signal in part.items()}, negatives)


def _together(rows: Iterable[RecordedSet]) -> Iterable[list[RecordedSet]]:
    """Rows that belong together: the set and the seconds around it, or units that were recorded at once."""
    groups: dict[object, list[RecordedSet]] = {}
    for row in rows:
        said = row.columns
        key: object = row.index
        if said.kind is not None and said.file is not None:
            key = ("file", said.file)
        elif said.unit is not None:
            key = ("units", said.subject, said.session, said.exercise, said.order)
        groups.setdefault(key, []).append(row)
    return groups.values()


def _signals(row: RecordedSet, rate_hz: float) -> dict[str, Signal]:
    said = row.columns
    names = said.sites if said.sites is not None else (said.unit or said.site or UNKNOWN_SITE,)
    return {
        SITES.get(name.lower(), name.lower()): evenly(
            in_milli_g(row.samples[:, 3 * at : 3 * at + 3], row.measured), rate_hz, measured=row.measured
        )
        for at, name in enumerate(names)
    }


def _names(said: SetColumns) -> tuple[str | None, str | None]:
    """Label and finest label."""
    label = said.coarse or said.exercise
    if said.activity is not None or label is None or label in NOTHING:
        return None, None
    return label, said.exercise or label


def _watched(rows: list[RecordedSet], signals: list[dict[str, Signal]], negatives: int) -> Iterator[Occasion]:
    """A set and the seconds around it, put back onto one clock: the row of the latter has the set taken out of it."""
    parts = dict(zip((row.columns.kind for row in rows), zip(rows, signals, strict=True), strict=False))
    active, idle = parts.get("active"), parts.get("idle")
    if active is None or len(active[1]) != 1:
        for row_of_nothing, of_row in zip(rows, signals, strict=True):
            yield from _nothing(row_of_nothing, of_row, _ends(of_row), negatives)
        return
    row, of_set = active
    ((site, signal),) = of_set.items()
    start_ms = (row.columns.t0 or 0.0) * 1000.0
    length_ms = len(row.samples) * 1000.0 / signal.rate_hz
    whole = Signal(signal.times_ms + start_ms, signal.samples, signal.rate_hz)
    if idle is not None and site in idle[1]:
        around, begin_ms = idle[1][site], (idle[0].columns.t0 or 0.0) * 1000.0
        half_ms = 500.0 / around.rate_hz
        before = int(np.searchsorted(around.times_ms, start_ms - begin_ms - half_ms))
        times = np.concatenate(
            [around.times_ms[:before] + begin_ms, whole.times_ms, around.times_ms[before:] + begin_ms + length_ms]
        )
        samples = np.concatenate([around.samples[:before], whole.samples, around.samples[before:]])
        rising = np.concatenate([[True], np.diff(times) > 0])
        whole = Signal(times[rising], samples[rising], signal.rate_hz)
    label, fine = _names(row.columns)
    yield Occasion(row.index, 0, row.columns, {site: whole}, label, fine, start_ms, start_ms + length_ms)
    if idle is not None:
        first_ms, last_ms = float(whole.times_ms[0]), float(whole.times_ms[-1])
        for part, (low, high) in enumerate(
            ((first_ms, start_ms - APART_MS), (start_ms + length_ms + APART_MS / 2, last_ms)), start=1
        ):
            if high - low >= PIECE_MS / 2:
                piece = {site: whole.between(low, min(high, low + PIECE_MS))}
                yield Occasion(row.index, part, row.columns, piece, None, None, low, min(high, low + PIECE_MS))


def _phases(row: RecordedSet, signals: dict[str, Signal]) -> Iterator[Occasion]:
    """Labelled intervals within a longer recording."""
    rate_hz = next(iter(signals.values())).rate_hz
    for part, (first, last, name) in enumerate(row.columns.labels or ()):
        label = None if name in NOTHING else name
        start_ms, end_ms = first * 1000.0 / rate_hz, last * 1000.0 / rate_hz
        near = signals
        if label is None:  # what lies around nothing is something
            near = {site: signal.between(start_ms, end_ms) for site, signal in signals.items()}
        yield Occasion(row.index, part, row.columns, near, label, label, start_ms, end_ms)


def _whole(row: RecordedSet, signals: dict[str, Signal], negatives: int) -> Iterator[Occasion]:
    label, fine = _names(row.columns)
    if label is None:
        yield from _nothing(row, signals, _ends(signals), negatives)
    else:
        yield Occasion(row.index, 0, row.columns, signals, label, fine, *_ends(signals))


def _nothing(row: RecordedSet, signals: dict[str, Signal], ends: tuple[float, float], most: int) -> Iterator[Occasion]:
    """Pieces of a stretch in which nothing was done, spread over it evenly."""
    low, high = ends
    count = max(1, min(most, int((high - low) // PIECE_MS))) if most else 0
    for part in range(count):
        start_ms = low + part * (high - low) / count
        end_ms = min(start_ms + PIECE_MS, high)
        near = {site: signal.between(start_ms, end_ms) for site, signal in signals.items()}
        yield Occasion(row.index, part, row.columns, near, None, None, start_ms, end_ms)


def _ends(signals: Mapping[str, Signal]) -> tuple[float, float]:
    with_samples = [signal for signal in signals.values() if len(signal.times_ms)]
    if not with_samples:
        return 0.0, 0.0
    first = max(float(signal.times_ms[0]) for signal in with_samples)
    last = min(float(signal.times_ms[-1]) + 1000.0 / signal.rate_hz for signal in with_samples)
    return first, last
