"""Clusters of people: stable from night to night, known for everybody at once, backed off where there is too little."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.domain.values import AgeGroup, Proficiency, Sex
from kinelog.ml.clusters import (
    EVERYBODY,
    ClusterRules,
    ClusterTable,
    assigned_cluster,
    backed_off,
    chain_of,
    fitted_table,
    is_within,
    people_by_cluster,
)
from kinelog.projections.rows import PersonRow
from kinelog.registry.clusters import finest_cluster
from kinelog.registry.scope import NAME

Profile = tuple[str | None, str | None, str | None]
said = st.tuples(
    st.sampled_from((None, *(group.value for group in AgeGroup))),
    st.sampled_from((None, *(sex.value for sex in Sex))),
    st.sampled_from((None, *(level.value for level in Proficiency))),
)
floors = st.lists(said, max_size=200)
RULES = ClusterRules(least_people=4)


def people_who_say(profiles: Sequence[Profile]) -> list[PersonRow]:
    return [PersonRow(f"{number:032x}", *profile, (), 0) for number, profile in enumerate(profiles)]


def clusters_of(people: list[PersonRow], table: ClusterTable) -> list[str]:
    return [assigned_cluster(who.age_group, who.sex, who.proficiency, table.clusters) for who in people]


@pytest.mark.parametrize(
    ("age_group", "sex", "proficiency", "name"),
    [
        ("30s", "female", "intermediate", "f-30s-intermediate"),
        ("under-20", "male", "beginner", "m-u20-beginner"),
        ("60-and-over", "male", None, "m-60plus"),
        (None, "female", "advanced", "f"),
        ("30s", "other", "advanced", EVERYBODY),
        ("30s", None, "advanced", EVERYBODY),
        ("of stone", "female", "beginner", "f"),
    ],
)
def test_a_name_says_what_is_known_up_to_the_first_thing_that_is_not(
    age_group: str | None, sex: str | None, proficiency: str | None, name: str
) -> None:
    assert finest_cluster(age_group, sex, proficiency) == name
    assert NAME.fullmatch(name)


def test_a_cluster_lies_in_all_that_are_coarser() -> None:
    assert chain_of("f-60plus-beginner") == ("f-60plus-beginner", "f-60plus", "f", EVERYBODY)
    assert chain_of(EVERYBODY) == (EVERYBODY,)
    assert is_within("f-30s-beginner", "f-30s")
    assert not is_within("f-30s", "f-30s-beginner")


@settings(max_examples=60, deadline=None)
@given(floors)
def test_nobody_jumps_on_a_night_on_which_nothing_changed(
    profiles: list[Profile],
) -> None:
    people = people_who_say(profiles)
    counts = people_by_cluster(people)
    first = fitted_table(counts, None, RULES)
    again = fitted_table(people_by_cluster(reversed(people)), first, RULES)
    assert again == first
    assert clusters_of(people, again) == clusters_of(people, first)


@settings(max_examples=60, deadline=None)
@given(floors, st.lists(said, max_size=1))
def test_one_who_comes_moves_nobody_out_of_a_cluster_that_there_was(
    profiles: list[Profile], newcomer: list[Profile]
) -> None:
    people = people_who_say(profiles)
    before = fitted_table(people_by_cluster(people), None, RULES)
    after = fitted_table(people_by_cluster(people_who_say(profiles + newcomer)), before, RULES)
    assert set(before.clusters) <= set(after.clusters)
    for old, new in zip(clusters_of(people, before), clusters_of(people, after), strict=True):
        assert is_within(new, old)  # at most a group grew large enough to be a cluster within the one before


@settings(max_examples=60, deadline=None)
@given(floors, said)
def test_everybody_has_a_cluster_of_the_table_at_once(profiles: list[Profile], newcomer: Profile) -> None:
    table = fitted_table(people_by_cluster(people_who_say(profiles)), None, RULES)
    assert len(table.clusters) <= RULES.most
    assert assigned_cluster(*newcomer, table.clusters) in table.clusters


def test_a_cluster_stays_until_half_of_its_people_are_gone() -> None:
    def table(people: int, before: ClusterTable | None) -> ClusterTable:
        return fitted_table({EVERYBODY: 40, "f": people}, before, ClusterRules(least_people=20))

    assert "f" not in table(19, None).clusters
    there = table(20, None)
    assert "f" in there.clusters
    assert "f" in table(10, there).clusters
    assert "f" not in table(9, there).clusters


def test_about_ten_clusters_are_made_of_the_largest_groups() -> None:
    profiles = [
        (age.value, sex.value, level.value)
        for age in AgeGroup for sex in (Sex.FEMALE, Sex.MALE) for level in Proficiency
        for _ in range(30 if age is AgeGroup.THIRTIES else 5)
    ]  # fmt: skip
    table = fitted_table(people_by_cluster(people_who_say(profiles)))
    assert table.clusters == (
        "all", "f", "f-30s", "f-30s-advanced", "f-30s-beginner", "f-30s-intermediate", "m", "m-30s", "m-30s-advanced",
        "m-30s-beginner",
    )  # fmt: skip


def test_a_table_comes_back_from_its_bytes() -> None:
    table = ClusterTable(("all", "f"))
    assert ClusterTable.from_bytes(table.to_bytes()) == table


def test_too_little_data_backs_off_to_the_nearest_cluster_above_and_says_so() -> None:
    people = {"f-30s": 2, "f": 9, EVERYBODY: 40}
    sets = {"f-30s": 500, "f": 300, EVERYBODY: 4000}
    assert backed_off("f", people, sets).reason is None
    backed = backed_off("f-30s", people, sets)
    assert (backed.fitted_on, backed.reason) == ("f", "f-30s has 500 sets of 2 people and needs 100 of 5: fitted on f")
    assert backed_off("m-20s", people, sets).fitted_on == EVERYBODY
    assert backed_off("f", {}, {}).fitted_on == EVERYBODY
