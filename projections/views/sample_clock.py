"""Measuring at what rate a device really sampled, and when.

Nominal rates drift by two or three percent. What can be measured depends on what a format says:

* Blocks that say how long they lasted (`muvr16`): the sum of samples over the sum of durations, of *full* blocks only.
  A short block lost samples at an unknown place and would make the device look slow.
* Frames that only say when they began: frames of equal size that follow one another form a *run*, and a line through
  (number, start) of each run has the period for its slope. One common slope for all runs of a sensor, since pauses and
  lost frames are between runs, never in them. `ae` frames begin at a whole second (the device cuts the rest off), which
  the line averages out: a frame's start is then read off the line, half a second later than the cut starts. Starts that
  lie whole seconds apart show no such cut, and are taken as they stand.

All sums are integers and every row is a function of the log's prefix: no rounding depends on how events were batched.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from operator import attrgetter

import msgspec

LONGEST_RUN = 4096
"""Frames in a run: more than an hour at one a second. Bounds the sums, and lets the line follow a clock that drifts."""

PERIOD_TOLERANCE = 0.10
"""How far a measured period may be from the nominal one before it is taken for a pause or a wrong clock."""

_DEVIATION_OF_UNIFORM = 1 / math.sqrt(12)
_FIRST = attrgetter("first")
_WORST_SLOPE_ERROR = 0.01


class Run(msgspec.Struct, array_like=True):
    """Frames that followed one another without a gap or a pause, all of `size` samples.

    Attributes:
        first: Number of the first frame; `last` of the last.
        first_ms: Start of the first frame; `last_ms` of the last.
        n: Frames. The sums are over x = number - first and y = start - first_ms.
    """

    first: int
    last: int
    first_ms: int
    last_ms: int
    size: int
    n: int = 1
    sx: int = 0
    sy: int = 0
    sxx: int = 0
    sxy: int = 0

    def absorb(self, later: Run) -> None:
        """Take over the frames of the run that follows this one."""
        dx = later.first - self.first
        dy = later.first_ms - self.first_ms
        self.sxx += later.sxx + 2 * dx * later.sx + later.n * dx * dx
        self.sxy += later.sxy + dx * later.sy + dy * later.sx + later.n * dx * dy
        self.sx += later.sx + later.n * dx
        self.sy += later.sy + later.n * dy
        self.n += later.n
        self.last = later.last
        self.last_ms = later.last_ms


def follows(earlier: Run, later: Run, rate_hz: int, resolution_ms: int) -> bool:
    """Whether the later run goes on where the earlier one stops."""
    if later.first != earlier.last + 1 or later.size != earlier.size or earlier.n + later.n > LONGEST_RUN:
        return False
    nominal = earlier.size * 1000 / rate_hz
    slack = nominal * PERIOD_TOLERANCE + (resolution_ms if resolution_ms > 1 else 0)
    return abs(later.first_ms - earlier.last_ms - nominal) <= slack


def add_frame(runs: list[Run], frame: Run, rate_hz: int, resolution_ms: int) -> None:
    """Add a frame (a run of one) in place, joining the runs on its sides; frames may come in any order."""
    at = len(runs) if not runs or frame.first > runs[-1].first else bisect_left(runs, frame.first, key=_FIRST)
    if at < len(runs) and follows(frame, runs[at], rate_hz, resolution_ms):
        frame.absorb(runs[at])
        runs[at] = frame
    else:
        runs.insert(at, frame)
    if at and follows(runs[at - 1], runs[at], rate_hz, resolution_ms):
        runs[at - 1].absorb(runs[at])
        del runs[at]


def measured_period_ms(runs: list[Run], rate_hz: int, resolution_ms: int) -> float | None:
    """Milliseconds a sample by the runs' common slope; None while it would be less certain than the nominal rate."""
    spread = covariance = 0.0
    for run in runs:
        if run.n > 1:
            # scaled to one sample, so that runs of frames of different sizes share one slope
            spread += run.size * run.size * (run.sxx - run.sx * run.sx / run.n)
            covariance += run.size * (run.sxy - run.sx * run.sy / run.n)
    if spread <= 0:
        return None
    nominal = 1000 / rate_hz
    error = resolution_ms * _DEVIATION_OF_UNIFORM / math.sqrt(spread)
    period = covariance / spread
    if error > nominal * _WORST_SLOPE_ERROR or abs(period - nominal) > nominal * PERIOD_TOLERANCE:
        return None
    return period


def _was_cut(run: Run, resolution_ms: int) -> bool:
    """Whether the starts show that something was cut off them: only frames that last no whole seconds show it."""
    frames = run.last - run.first
    return frames > 0 and (run.last_ms - run.first_ms) % (frames * resolution_ms) != 0


def start_on_line(runs: list[Run], number: int, period_ms: float, resolution_ms: int) -> float | None:
    """When a frame began, read off its run's line."""
    at = bisect_left(runs, number + 1, key=_FIRST) - 1
    if at < 0 or runs[at].last < number:
        return None
    run = runs[at]
    mean_x = run.sx / run.n
    mean_y = run.sy / run.n
    cut_off = resolution_ms / 2 if _was_cut(run, resolution_ms) else 0
    return run.first_ms + cut_off + mean_y + period_ms * run.size * (number - run.first - mean_x)
