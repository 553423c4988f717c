"""What models found among sets that were kept from them, label by label, so that parts can be pooled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from kinelog.ml.examples import Dataset, SetExample, dataset_of
from kinelog.ml.score_report import ScoreReport, WindowScore
from kinelog.ml.scores import Reals
from kinelog.ml.windows import BEFORE_THE_START, FIRST_SECOND, windows_of

from benchmarks.recognition_robustness import Samples
from benchmarks.recognition_tasks import Windows

PLACEMENTS = (FIRST_SECOND, *BEFORE_THE_START)
"""The same as those of a score."""


@dataclass(slots=True)
class Counts:
    """Of one kind of window; labels as the recording calls them.

    Attributes:
        sets: By label.
        decided: How often each label was said.
        right: How often it was said and right.
        answered: Sets on which the model did not abstain.
        right_when_answered: Of these.
    """

    sets: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    answered: float = 0.0
    right_when_answered: float = 0.0

    def __iadd__(self, other: Counts) -> Self:
        """Pool."""
        self.sets += other.sets
        self.decided += other.decided
        self.right += other.right
        self.answered += other.answered
        self.right_when_answered += other.right_when_answered
        return self

    @property
    def accuracy(self) -> float:
        """Share of all sets; one whose label the model has not counts as missed."""
        return self.right.total() / max(1, self.sets.total())

    def macro_f1(self, labels: Sequence[str]) -> float:
        """Mean F1 of labels."""
        return float(np.mean([2 * self.right[one] / max(1, self.sets[one] + self.decided[one]) for one in labels]))


def counts_of_score(report: ScoreReport, data: Dataset) -> dict[int, Counts]:
    """By where windows end; sets whose label no model has are counted as missed."""
    unnamed = [one for one in data.examples if one.label in report.unnamed]
    return {one.end_ms: _of_window(one, unnamed) for one in report.windows}


def _of_window(one: WindowScore, unnamed: Sequence[SetExample]) -> Counts:
    found = Counts()
    for label in one.by_class:
        found.sets[label.label] = label.sets
        found.decided[label.label] = label.decided
        found.right[label.label] = round(label.recall * label.sets)
    placement = next(place for place in PLACEMENTS if place.end_ms == one.end_ms)
    missed = [example for example in unnamed if len(windows_of([example], placement).example)]
    found.sets.update(example.label or "" for example in missed)
    found.answered = (one.coverage or 0.0) * one.sets
    found.right_when_answered = found.answered * (one.accuracy_when_sure or 0.0)
    return found


def counts_of(answer: Callable[[Windows], Reals], labels: Sequence[str], data: Dataset) -> dict[int, Counts]:
    """What a model without abstention says of the same windows."""
    labelled = [example for example in data.examples if example.label is not None]
    found = {}
    for placement in PLACEMENTS:
        cut = windows_of(labelled, placement)
        truth = [labelled[number].label or "" for number in cut.example.tolist()]
        said = [labels[number] for number in answer(cut.windows).argmax(axis=1).tolist()] if truth else []
        right = [label for label, of_model in zip(truth, said, strict=True) if label == of_model]
        found[placement.end_ms] = Counts(
            Counter(truth), Counter(said), Counter(right), float(len(truth)), float(len(right))
        )
    return found


def changed_data(data: Dataset, change: Callable[[Samples, np.random.Generator], Samples]) -> Dataset:
    """Examples as other sensors would have brought them, each by draws of its own."""
    made = []
    for number, example in enumerate(data.examples):
        made.append(replace(example, samples=change(example.samples, np.random.default_rng(number))))
    return dataset_of(made)


def pooled(parts: Sequence[Mapping[int, Counts]]) -> dict[int, Counts]:
    """All parts together, by where windows end."""
    found: dict[int, Counts] = {placement.end_ms: Counts() for placement in PLACEMENTS}
    for part in parts:
        for end, counts in part.items():
            found[end] += counts
    return found
