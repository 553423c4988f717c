"""The figures of a report come from answers on confirmation sessions, the worst label and person first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kinelog.ml.confirmed_figures import detail, named_metrics
from kinelog.ml.promotion import ConfirmedScore

LABELS = ("bench", "squat", "rows")


def confirmed(abstain_below: float = 0.0) -> ConfirmedScore:
    truth = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    sure = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.6, 0.6, 0.6])
    said = np.array([0, 0, 1, 1, 0, 1, 1, 0])
    probabilities = np.zeros((8, 3))
    probabilities[np.arange(8), said] = sure
    probabilities[np.arange(8), 1 - said] = 1 - sure
    people = np.array([4, 4, 4, 4, 9, 9, 9, 9])
    return ConfirmedScore("challenger", "set", truth, probabilities, people, people, abstain_below)


def test_metrics_force_a_choice_and_say_how_often_the_device_would_not() -> None:
    metrics = named_metrics(confirmed(0.7), seed=0).metrics
    assert (metrics.windows, metrics.groups, metrics.coverage) == (8, 2, 0.5)
    assert metrics.accuracy.value == pytest.approx(0.75)
    assert metrics.accuracy.low == pytest.approx(0.5)
    assert metrics.macro_f1.value == pytest.approx(0.75)
    assert metrics.ece == pytest.approx(0.1)
    assert metrics.ece_excess < metrics.ece


def test_equal_answers_and_seeds_give_equal_metrics() -> None:
    assert named_metrics(confirmed(), seed=3) == named_metrics(confirmed(), seed=3)


def test_detail_ranks_people_from_the_worst_and_names_nobody() -> None:
    found = detail(confirmed(), LABELS)
    assert [(one.number, one.windows, one.accuracy) for one in found.people] == [(1, 4, 0.5), (2, 4, 1.0)]


def test_detail_begins_with_the_label_that_is_told_worst() -> None:
    right = confirmed()
    # One more squat is taken for a bench press: squats are missed twice, bench presses once.
    worse = replace(right, probabilities=right.probabilities.copy())
    worse.probabilities[6] = worse.probabilities[4]
    found = detail(worse, LABELS).classes
    assert [one.label for one in found] == ["squat", "bench"]
    assert found[0].f1 < found[1].f1


def test_detail_counts_abstentions_where_the_device_would_abstain() -> None:
    assert detail(confirmed(), LABELS).confusion.counts == ((3, 1, 0, 0), (1, 3, 0, 0), (0, 0, 0, 0))
    assert detail(confirmed(0.7), LABELS).confusion.counts == ((2, 0, 0, 2), (0, 2, 0, 2), (0, 0, 0, 0))


def test_detail_leaves_out_labels_that_neither_occur_nor_are_called() -> None:
    found = detail(confirmed(), LABELS)
    assert [one.label for one in found.classes] == ["bench", "squat"]
    assert [(one.windows, one.accuracy) for one in found.reliability] == [(4, 0.5), (4, 1.0)]
