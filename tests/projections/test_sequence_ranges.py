"""Ranges of frame numbers, against sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kinelog.projections import sequence_ranges


@given(st.lists(st.integers(0, 60)), st.integers(0, 80))
def test_ranges_hold_what_a_set_would(numbers: list[int], below: int) -> None:
    ranges: list[int] = []
    seen: set[int] = set()
    for number in numbers:
        assert sequence_ranges.add(ranges, number) is (number not in seen)
        seen.add(number)
    assert sequence_ranges.size(ranges) == len(seen)
    top = max(max(seen, default=-1) + 1, below)
    missing = {n for first, last in sequence_ranges.missing(ranges, below) for n in range(first, last + 1)}
    assert missing == set(range(top)) - seen
    gaps = [ranges[index + 1] - ranges[index] for index in range(1, len(ranges) - 1, 2)]
    assert all(gap > 1 for gap in gaps)  # touching ranges are joined
