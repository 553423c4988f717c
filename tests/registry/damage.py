"""What a disk or a copy can do to bytes: a bit, a byte, a cut, in every place that matters and in some others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def flipped(whole: bytes, place: int, change: int) -> bytes:
    """The bytes with those bits of one of them changed."""
    return whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :]


def every_change(whole: bytes, envelope: Iterable[int], is_seen: Callable[[bytes], None], examples: int = 60) -> None:
    """Show a reader every bit of the envelope changed, and bytes changed or cut off anywhere.

    Args:
        whole: As written.
        envelope: Places that chance would seldom hit, though a change there is another one than in the content.
        is_seen: Fails if it is not.
        examples: Of changes anywhere.
    """
    for place in envelope:
        for bit in range(8):
            is_seen(flipped(whole, place, 1 << bit))

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(whole) - 1), st.integers(1, 255), st.booleans())
    def anywhere(place: int, change: int, cut: bool) -> None:  # noqa: FBT001 - drawn
        is_seen(whole[:place] if cut else flipped(whole, place, change))

    anywhere()
