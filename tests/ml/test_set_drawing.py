"""Of more sets than a pool holds, which it takes: the same every night, and nobody's at the cost of a rare label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st
from kinelog.ml.examples import SetFacts
from kinelog.ml.set_drawing import drawn

Said = tuple[str | None, tuple[str, ...], str]

SAID = st.tuples(
    st.sampled_from(["squat", "bench-press", "rowing", None]),
    st.sampled_from([("left-wrist",), ("waist",), ("left-wrist", "waist")]),
    st.sampled_from(["ann", "bob", "cyd", "dan"]),
)
MANY = st.lists(SAID, max_size=60)


def sets_of(many: Sequence[Said], first: int = 0) -> list[SetFacts]:
    return [
        SetFacts(f"{person}/{number}", person, "today", number, label, label, sites, 0, 100, 50.0)
        for number, (label, sites, person) in enumerate(many, first)
    ]


def keys(sets: Sequence[SetFacts]) -> list[str]:
    return [one.key for one in sets]


def shares(sets: Sequence[SetFacts], of: Callable[[SetFacts], object]) -> Counter[object]:
    return Counter(of(one) for one in sets)


@given(MANY, st.integers(1, 70), st.randoms(use_true_random=False))
def test_what_is_drawn_are_labelled_sets_as_many_as_allowed_whatever_order_they_come_in(
    many: list[Said], at_most: int, random: object
) -> None:
    sets = sets_of(many)
    labelled = [one for one in sets if one.label is not None]
    found = drawn(sets, at_most)
    assert len(found) == min(at_most, len(labelled))
    assert [one for one in labelled if one.key in set(keys(found))] == found
    turned = list(sets)
    random.shuffle(turned)  # type: ignore[attr-defined]  # what Hypothesis gives is no public type
    assert set(keys(drawn(turned, at_most))) == set(keys(found))


@given(MANY, MANY, st.integers(1, 70))
def test_a_set_that_was_left_out_never_comes_in_because_others_came(
    before: list[Said], came: list[Said], at_most: int
) -> None:
    old, new = sets_of(before), sets_of(came, len(before))
    first, then = set(keys(drawn(old, at_most))), set(keys(drawn([*old, *new], at_most)))
    assert then & set(keys(old)) <= first
    assert len(first - then) <= len(then - first)


@given(MANY, st.integers(1, 70))
def test_what_was_left_out_has_no_say(many: list[Said], at_most: int) -> None:
    sets = sets_of(many)
    found = drawn(sets, at_most)
    assert drawn(found, at_most) == found


@given(MANY, st.integers(1, 70))
def test_a_label_gives_sets_up_only_while_no_other_has_more(many: list[Said], at_most: int) -> None:
    sets = [one for one in sets_of(many) if one.label is not None]
    there, taken = shares(sets, lambda one: one.label), shares(drawn(sets, at_most), lambda one: one.label)
    most = max(taken.values(), default=0)
    assert all(taken[label] >= min(count, most - 1) for label, count in there.items())


@given(MANY, st.integers(1, 70))
def test_within_a_label_and_its_sensors_nobody_has_sets_where_others_were_refused_theirs(
    many: list[Said], at_most: int
) -> None:
    sets = [one for one in sets_of(many) if one.label is not None]
    found = drawn(sets, at_most)
    for label, sites in {(one.label, one.sites) for one in sets}:
        there, taken = (
            shares([one for one in some if (one.label, one.sites) == (label, sites)], lambda one: one.person)
            for some in (sets, found)
        )
        most = max(taken.values(), default=0)
        assert all(taken[person] >= min(count, most - 1) for person, count in there.items())


def test_a_rare_label_and_a_rare_combination_keep_all_of_theirs() -> None:
    often: list[Said] = [("squat", ("left-wrist",), f"person-{number % 7}") for number in range(900)]
    rare: list[Said] = [("rowing", ("left-wrist",), "person-0") for _ in range(5)]
    both: list[Said] = [("squat", ("left-wrist", "waist"), "person-1") for _ in range(8)]
    found = drawn(sets_of([*often, *rare, *both]), 100)
    assert shares(found, lambda one: (one.label, one.sites)) == {
        ("squat", ("left-wrist",)): 87,
        ("rowing", ("left-wrist",)): 5,
        ("squat", ("left-wrist", "waist")): 8,
    }
    assert set(shares(found, lambda one: one.person if one.sites == ("left-wrist",) else None)) >= {
        f"person-{number}" for number in range(7)
    }
