"""Sets of frame numbers as sorted ranges: which frames came, and which are missing."""

from __future__ import annotations

from bisect import bisect_right

Ranges = list[int]
"""`[first, last, first, last, …]`, ascending, never touching: a full hour of one device is two numbers."""


def add(ranges: Ranges, number: int) -> bool:
    """Add a number in place; False when it was there."""
    if ranges and number == ranges[-1] + 1:  # in order: what nearly every frame does
        ranges[-1] = number
        return True
    behind = bisect_right(ranges, number)
    if behind % 2 == 1 or (behind and ranges[behind - 1] == number):
        return False
    joins_left = behind > 0 and ranges[behind - 1] == number - 1
    joins_right = behind < len(ranges) and ranges[behind] == number + 1
    if joins_left and joins_right:
        del ranges[behind - 1 : behind + 1]
    elif joins_left:
        ranges[behind - 1] = number
    elif joins_right:
        ranges[behind] = number
    else:
        ranges[behind:behind] = (number, number)
    return True


def size(ranges: Ranges) -> int:
    """How many numbers the ranges hold."""
    return sum(ranges[1::2]) - sum(ranges[::2]) + len(ranges) // 2


def missing(ranges: Ranges, below: int = 0) -> list[tuple[int, int]]:
    """The ranges that are not there, from 0 to the highest number (or to `below - 1`, if that is further)."""
    gaps = []
    expected = 0
    for first, last in zip(ranges[::2], ranges[1::2], strict=True):
        if first > expected:
            gaps.append((expected, first - 1))
        expected = last + 1
    if below > expected:
        gaps.append((expected, below - 1))
    return gaps
