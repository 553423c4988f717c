"""A winner replaces the champion when it is better beyond chance, and twenty nights of equals hardly ever do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kinelog.ml import promotion
from kinelog.ml.promotion import ConfirmedScore, PairingError, SelectionScore, decide
from kinelog.ml.sign_flips import chance_of_difference, groups_needed

from benchmarks.equal_models import (
    ConfirmationSet,
    World,
    bound_alone,
    full_rule,
    promoted_when_better,
    promotions_of_equals,
)

RULES = {"rule": full_rule, "bound": bound_alone}


def answers(right: list[int], name: str = "challenger", sessions: list[int] | None = None) -> ConfirmedScore:
    found = np.array(right, dtype=np.float64)
    numbers = np.arange(len(right)) if sessions is None else np.array(sessions)
    nobody = np.zeros(len(right), dtype=np.int64)
    return ConfirmedScore(name, "set", nobody, np.stack((found, 1 - found), axis=1), nobody, numbers)


def test_twenty_nights_of_winners_that_are_no_better_promote_at_most_twice() -> None:
    for world in (World(40, 12), World(12, 6), World(40, 12, rotates_after=0)):
        for seed in range(12):
            assert promotions_of_equals(world, {"rule": full_rule}, seed)["rule"] <= 2


def test_without_the_test_for_chance_they_would_promote_more_often() -> None:
    counts = [promotions_of_equals(World(40, 25, shared=0.98), RULES, seed) for seed in range(8)]
    assert max(one["rule"] for one in counts) <= 2
    assert sum(one["bound"] > 2 for one in counts) >= 4


@pytest.mark.parametrize(("world", "at_least"), [(World(40, 6, accuracy=0.8), 40), (World(20, 6, accuracy=0.8), 34)])
def test_a_model_ten_points_better_is_promoted(world: World, at_least: int) -> None:
    assert sum(promoted_when_better(world, full_rule, 0.10, seed) for seed in range(40)) >= at_least


def test_a_model_better_by_the_smallest_detectable_difference_is_promoted_about_four_times_in_five() -> None:
    world = World(40, 6, accuracy=0.7, by_session=0.4)
    named = []
    for seed in range(20):
        asked = ConfirmationSet(world, "set", np.random.default_rng(seed))
        champion, equal = asked.answers("champion", 0.7), asked.answers("challenger", 0.7)
        named.append(promotion.compare(equal, champion, uses=1, seed=0).smallest_detectable)
    gain = float(np.mean(named))
    promoted = np.mean([promoted_when_better(world, full_rule, gain, seed) for seed in range(150)])
    assert 0.7 < promoted < 0.92


def test_the_chance_allowed_shrinks_when_a_set_outlives_its_ten_uses() -> None:
    assert [promotion.allowed_chance(uses) for uses in (1, 10, 11, 20, 21)] == pytest.approx(
        [0.1, 0.1, 0.05, 0.05, 1 / 30]
    )
    better = answers([1, 1, 1, 1] + [0] * 8)
    champion = answers([0] * 12, "champion")
    assert decide(better, champion, {}, uses=10, seed=0).outcome == "promoted"
    assert decide(better, champion, {}, uses=11, seed=0).outcome == "kept"


def test_an_equal_model_is_kept_out_and_the_reason_names_what_could_have_been_seen() -> None:
    right = [1, 0, 1, 1, 0, 1, 1, 1]
    record = decide(answers(right), answers(right, "champion"), {}, uses=3, seed=0)
    assert record.outcome == "kept"
    assert (record.uses, record.confirmation_set) == (3, "set")
    assert "the smallest difference that could have been seen is 50.0 points" in record.reason


def test_one_session_shows_nothing_however_many_sets_it_has() -> None:
    record = decide(answers([1] * 60, sessions=[0] * 60), answers([0] * 60, "champion", [0] * 60), {}, uses=1, seed=0)
    assert record.outcome == "kept"
    assert "too few sessions for any difference to be seen" in record.reason


def test_a_model_that_could_be_more_than_two_points_worse_is_kept_out_however_improbable_its_gain_is() -> None:
    gained = [-8, 5, 9, 9, 10]  # of ten sets in each session
    challenger = [int(place < abs(sets)) if sets > 0 else 0 for sets in gained for place in range(10)]
    champion = [int(place < abs(sets)) if sets < 0 else 0 for sets in gained for place in range(10)]
    sessions = [session for session in range(len(gained)) for _ in range(10)]
    record = decide(answers(challenger, sessions=sessions), answers(champion, "champion", sessions), {}, uses=1, seed=0)
    (comparison,) = record.comparisons
    assert comparison.difference == pytest.approx(0.5)
    assert comparison.chance <= promotion.allowed_chance(1)
    assert comparison.low < -0.02
    assert (record.outcome, "could be worse than the champion" in record.reason) == ("kept", True)


def test_a_better_model_that_a_trivial_baseline_beats_is_kept_out() -> None:
    champion, better, best = [0] * 20, [1] * 10 + [0] * 10, [1] * 12 + [0] * 8
    baselines = {"gravity": answers(best, "gravity"), "logistic": answers(champion, "logistic")}
    record = decide(answers(better), answers(champion, "champion"), baselines, uses=1, seed=0)
    assert record.outcome == "kept"
    assert "does not beat the baseline gravity" in record.reason
    assert [one.against for one in record.comparisons] == ["champion", "gravity", "logistic"]


def test_extra_trees_are_reported_but_stop_nobody() -> None:
    champion, better, best = [0] * 20, [1] * 10 + [0] * 10, [1] * 20
    record = decide(
        answers(better), answers(champion, "champion"), {"extra-trees": answers(best, "extra-trees")}, uses=1, seed=0
    )
    assert record.outcome == "promoted"
    assert record.comparisons[1].difference == pytest.approx(-0.5)


def test_the_first_model_need_only_not_be_shown_to_lie_behind_the_trivial_baselines() -> None:
    right = [1, 1, 0, 1, 1, 1]
    equal = {"gravity": answers(right, "gravity")}
    assert decide(answers(right), None, equal, uses=1, seed=0).outcome == "first"
    one_set_behind = decide(answers([1, 1, 0, 0, 1, 1]), None, equal, uses=1, seed=0)
    assert one_set_behind.outcome == "first"
    assert "gravity (-16.7 points)" in one_set_behind.reason
    far_behind = decide(answers([0, 0, 0, 0, 1, 0]), None, equal, uses=1, seed=0)
    assert far_behind.outcome == "kept"
    assert "lies behind the baseline gravity by 66.7 points" in far_behind.reason
    three_of_three = decide(answers([0, 0, 0]), None, {"gravity": answers([1, 1, 1], "gravity")}, uses=1, seed=0)
    assert three_of_three.outcome == "first", "equal models lie behind on all of three sessions one night in eight"


def test_scores_of_other_rows_or_another_set_are_not_compared() -> None:
    one = answers([1, 0, 1, 0])
    for other in (
        answers([1, 0, 1], "champion"),
        answers([1, 0, 1, 0], "champion", [0, 0, 1, 1]),
        replace(answers([1, 0, 1, 0], "champion"), confirmation_set="another"),
    ):
        with pytest.raises(PairingError) as refused:
            decide(one, other, {}, uses=1, seed=0)
        assert refused.value.name == "champion"
    with pytest.raises(PairingError):
        decide(one, None, {}, uses=0, seed=0)


def test_a_selection_score_ranks_and_has_nothing_that_a_decision_could_use() -> None:
    assert max(SelectionScore(0.8, 5), SelectionScore(0.9, 5)).value == 0.9
    assert not hasattr(SelectionScore(0.8, 5), "right")


def test_people_are_drawn_where_there_are_enough_else_sessions() -> None:
    few = answers([1, 0, 1, 0])
    assert few.groups is few.sessions
    many = replace(answers([1] * 12), people=np.arange(12))
    assert many.groups is many.people


def test_a_threshold_wins_no_comparison() -> None:
    sure = replace(answers([1, 0, 1]), abstain_below=0.9)
    assert sure.right.tolist() == [1, 0, 1]
    unsure = replace(sure, probabilities=np.array([[0.6, 0.4]] * 3))
    assert unsure.decided.tolist() == [-1, -1, -1]
    assert unsure.right.tolist() == [1, 1, 1]


def test_the_chance_of_a_difference_by_hand() -> None:
    assert chance_of_difference(np.array([1.0, 1.0, 1.0, 0.0]), seed=0) == pytest.approx(1 / 8)
    assert chance_of_difference(np.array([2.0, -1.0]), seed=0) == pytest.approx(2 / 4)
    assert chance_of_difference(np.zeros(5), seed=0) == 1.0
    assert (groups_needed(0.1), groups_needed(0.125), groups_needed(0.05)) == (4, 3, 5)


def test_drawn_patterns_agree_with_all_patterns() -> None:
    rng = np.random.default_rng(2)
    for _ in range(5):
        exact = rng.normal(0.3, 1, 12)
        # A group that hardly differs makes thirteen, for which patterns are drawn.
        drawn = chance_of_difference(np.append(exact, 1e-12), seed=1)
        assert drawn == pytest.approx(chance_of_difference(exact, seed=1), abs=0.03)


def test_equal_models_reach_a_chance_of_a_tenth_one_night_in_ten() -> None:
    reached = 0
    for seed in range(300):
        asked = ConfirmationSet(World(30, 6), "set", np.random.default_rng(seed))
        champion, challenger = asked.answers("champion", 0.85), asked.answers("challenger", 0.85)
        reached += promotion.compare(challenger, champion, uses=1, seed=0).chance <= 0.1
    assert 15 <= reached <= 42
