"""Folds and roles belong to sessions, and stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings, strategies
from kinelog.ml.confirmation import SessionKey, first_state, next_state
from kinelog.ml.examples import dataset_of
from kinelog.ml.folds import ALONE_AT_MOST, fold_of, folds_of, key_of, split, unit_of

from tests.ml.made_examples import Floor, made_dataset

FLOOR = Floor(people=6, sessions=4, exercises=2, sets=1)
names = strategies.text("abcdef0123456789", min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(names, names, strategies.integers(2, 20))
def test_a_session_s_fold_depends_on_its_names_only(person: str, session: str, folds: int) -> None:
    assert 0 <= fold_of(SessionKey(person, session), folds) < folds
    assert fold_of(SessionKey(person, session), folds) == fold_of(SessionKey(person, session), folds)


def test_folds_are_about_equally_large() -> None:
    counts = np.bincount([fold_of(SessionKey(f"p{n % 97}", f"s{n}"), 5) for n in range(5000)], minlength=5)
    assert counts.min() > 900
    assert counts.max() < 1100


def test_a_fold_is_no_guess_at_who_confirms() -> None:
    keys = [SessionKey(f"p{n}", "s") for n in range(8000)]
    shares = [np.mean([key.reserved for key in keys if fold_of(key, 4) == fold]) for fold in range(4)]
    assert max(shares) - min(shares) < 0.06


def test_all_sets_of_a_session_are_in_one_part_and_one_fold() -> None:
    dataset = made_dataset(FLOOR)
    keys = {key_of(one, "session") for one in dataset.examples}
    parts = split(dataset.examples, first_state(keys), 3, "session")
    where: dict[SessionKey, set[tuple[str, int]]] = {}
    for place, fold in zip(parts.selection.tolist(), parts.folds.tolist(), strict=True):
        where.setdefault(key_of(dataset.examples[place], "session"), set()).add(("selection", fold))
    for place in parts.confirmation.tolist():
        where.setdefault(key_of(dataset.examples[place], "session"), set()).add(("confirmation", 0))
    assert set(where) == keys
    assert all(len(parts_of_one) == 1 for parts_of_one in where.values())


def test_data_that_grow_move_no_session_to_another_part_or_fold() -> None:
    small, large = made_dataset(FLOOR), made_dataset(replace(FLOOR, people=12, sessions=5))
    state = first_state({key_of(one, "session") for one in small.examples})
    later = next_state(state, {key_of(one, "session") for one in large.examples}, uses=1)

    def places(data: object) -> dict[str, tuple[str, int]]:
        assert isinstance(data, type(small))
        parts = split(data.examples, state if data is small else later, 3, "session")
        found = {data.examples[at].key: ("confirmation", 0) for at in parts.confirmation.tolist()}
        chosen = zip(parts.selection.tolist(), parts.folds.tolist(), strict=True)
        return found | {data.examples[at].key: ("selection", fold) for at, fold in chosen}

    before, after = places(small), places(large)
    assert before.items() <= after.items()


@settings(max_examples=50, deadline=None)
@given(strategies.sets(names, min_size=2, max_size=12), strategies.integers(2, 6))
def test_each_of_few_sessions_is_a_fold_of_its_own_and_many_share_folds(sessions: set[str], folds: int) -> None:
    keys = [SessionKey("person", session) for session in sorted(sessions)]
    found = folds_of(keys + keys, folds)
    assert set(found) == set(keys)
    if len(keys) <= ALONE_AT_MOST * folds:
        assert len(set(found.values())) == len(keys)
        assert found == folds_of(keys, folds + 1), "what a fold is does not depend on how many there will be"
    else:
        assert found == {key: fold_of(key, folds) for key in keys}


def test_sets_are_the_unit_only_where_labels_keep_to_one_session() -> None:
    dataset = made_dataset(FLOOR)
    assert unit_of(dataset.examples) == "session"
    alone = dataset_of(
        replace(one, session=str(one.label), number=number)
        for number, one in enumerate(one for one in dataset.examples if one.person == "person-0")
    )
    assert unit_of(alone.examples) == "set"
    assert len({key_of(one, "set") for one in alone.examples}) == len(alone.examples)
