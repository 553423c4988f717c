"""The packed set of received frames behaves like a plain dictionary, and stays small."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.domain.received import PAGE_FRAMES, Received

SEQUENCES = st.one_of(
    st.integers(0, 40),
    st.integers(PAGE_FRAMES - 20, PAGE_FRAMES + 20),
    st.integers(0, 5 * PAGE_FRAMES),
    st.integers(0, 2**40),
)


def digest_of(sequence: int) -> bytes:
    return sequence.to_bytes(8, "big")


def received(sequences: list[int]) -> Received:
    state = Received()
    for sequence in sequences:
        state = state.insert(sequence, digest_of(sequence))
    return state


@given(st.lists(SEQUENCES, max_size=120), st.lists(SEQUENCES, max_size=20))
def test_holds_what_a_dictionary_holds(inserted: list[int], asked: list[int]) -> None:
    model = {sequence: digest_of(sequence) for sequence in inserted}
    state = received(inserted)
    assert state.count == len(model)
    assert state.high_water == max(model, default=-1)
    for sequence in inserted + asked:
        assert state.digest_at(sequence) == model.get(sequence)


@given(
    st.lists(SEQUENCES, max_size=60, unique=True).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some)))
)
def test_order_of_arrival_leaves_no_trace(orders: tuple[list[int], list[int]]) -> None:
    assert received(orders[0]) == received(orders[1])


@given(st.sets(st.integers(0, 3 * PAGE_FRAMES), max_size=200), st.integers(0, 4 * PAGE_FRAMES))
def test_missing_ranges_and_received_frames_make_up_everything(present: set[int], upto: int) -> None:
    ranges = received(sorted(present)).missing(upto)
    gaps = [sequence for gap in ranges for sequence in range(gap.first, gap.last + 1)]
    assert all(gap.first <= gap.last for gap in ranges)
    assert gaps == [sequence for sequence in range(upto) if sequence not in present]
    assert all(left.last + 1 < right.first for left, right in pairwise(ranges))


@given(st.sets(st.integers(0, 3 * PAGE_FRAMES), max_size=200), st.integers(0, 5))
def test_a_bounded_question_gets_the_first_ranges(present: set[int], most: int) -> None:
    state = received(sorted(present))
    assert state.missing(4 * PAGE_FRAMES, most) == state.missing(4 * PAGE_FRAMES)[:most]


@given(st.lists(SEQUENCES, min_size=1, max_size=30))
def test_the_first_digest_of_a_number_stays(sequences: list[int]) -> None:
    state = received(sequences)
    assert state.insert(sequences[0], b"another!") is state


@given(st.lists(SEQUENCES, max_size=60))
def test_round_trips_as_msgpack(sequences: list[int]) -> None:
    state = received(sequences)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Received) == state


def test_missing_of_a_huge_number_costs_one_range() -> None:
    (gap,) = received([0]).missing(2**60)
    assert (gap.first, gap.last) == (1, 2**60 - 1)


@pytest.mark.parametrize(("sequence", "digest"), [(-1, b"12345678"), (0, b"1234567"), (0, b"123456789")])
def test_refuses_what_is_no_frame(sequence: int, digest: bytes) -> None:
    with pytest.raises(ValueError, match="sequence"):
        Received().insert(sequence, digest)
