"""How figures are written in a report."""

from __future__ import annotations

from datetime import UTC, datetime

from kinelog.ml.run_record import Interval


def percent(share: float) -> str:
    """A share between 0 and 1."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of shares, in points, with its sign."""
    return f"{100 * share:+.1f}"


def interval(found: Interval) -> str:
    """A figure with its bounds."""
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"


def moment(milliseconds: int) -> str:
    """Milliseconds since 1970, in UTC."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """Seconds, in the unit that suits them."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """Bytes, in the unit that suits them."""
    return f"{count} B" if count < 10_000 else f"{count / 1024:.1f} KB"
