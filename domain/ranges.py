"""Bounds that several commands share."""

from __future__ import annotations

LATEST_MS = 2**53
"""Times beyond this (the year 287 396) are no times; every JSON reader holds the integers below it exactly."""


def outside(value: float, least: float, most: float) -> bool:
    """Whether a number is beyond its bounds; NaN is outside of all bounds."""
    return not least <= value <= most
