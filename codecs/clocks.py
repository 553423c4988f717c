"""Clocks of the devices: seconds and milliseconds on the wire, Unix milliseconds inside."""

from __future__ import annotations

from kinelog.codecs.errors import BadTimestampError

APPLE_EPOCH_MS = 978_307_200_000
"""2001-01-01T00:00:00Z, from which the Apple Watch counts, in Unix milliseconds."""

_FIRST_MS = -62_135_596_800_000
_LAST_MS = 253_402_300_799_999
_BEYOND_SECONDS = 1e12
"""More than any date in seconds of either epoch: keeps `round` away from huge and infinite numbers."""


def start_of_seconds(seconds: float, epoch_ms: int, offset: int) -> int:
    """Unix milliseconds of a clock that counts seconds, rounded half to even.

    Raises:
        BadTimestampError: Not a number, infinite, or outside the years 1 to 9999.
    """
    # Written so that NaN fails it too.
    if not -_BEYOND_SECONDS < seconds < _BEYOND_SECONDS:
        raise BadTimestampError(offset, f"{seconds!r} seconds is no time")
    return checked_start(round(seconds * 1000) + epoch_ms, offset)


def checked_start(unix_ms: int, offset: int) -> int:
    """The same time, if a calendar can show it.

    Raises:
        BadTimestampError: Outside the years 1 to 9999.
    """
    if not _FIRST_MS <= unix_ms <= _LAST_MS:
        raise BadTimestampError(offset, f"{unix_ms} ms of Unix time lies outside the years 1 to 9999")
    return unix_ms
