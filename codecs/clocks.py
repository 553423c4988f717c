"""Clocks of the devices: seconds and milliseconds on the wire, Unix milliseconds inside.

A wrong clock costs a frame its place in time, never its samples: watches that lost their time keep on sampling.
"""

from __future__ import annotations

APPLE_EPOCH_MS = 978_307_200_000
"""2001-01-01T00:00:00Z, from which the Apple Watch counts, in Unix milliseconds."""

FIRST_MS = -62_135_596_800_000
LAST_MS = 253_402_300_799_999
"""The years 1 to 9999: what a calendar can show."""

_BEYOND_SECONDS = 2.0**52
"""A float of seconds from here on is no clock: keeps `round` away from huge and infinite numbers."""


def start_of_seconds(seconds: float, epoch_ms: int) -> int | None:
    """Unix milliseconds of a clock that counts seconds, rounded half to even; None if it shows no number to count."""
    # Written so that NaN fails it too.
    if not -_BEYOND_SECONDS < seconds < _BEYOND_SECONDS:
        return None
    return round(seconds * 1000) + epoch_ms


def is_on_calendar(unix_ms: int) -> bool:
    """Whether a calendar can show this time: what a device says may lie anywhere."""
    return FIRST_MS <= unix_ms <= LAST_MS
