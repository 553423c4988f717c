"""What recognition is measured on: sets of real recordings, their labels, and which of them are kept from a fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kinelog.ml.examples import Dataset, SetExample
from kinelog.ml.fit_job import Targets
from kinelog.ml.recordings import Reading, read_recordings
from kinelog.ml.scores import Ids, group_numbers
from kinelog.ml.windows import Placement, windows_of
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

Windows = NDArray[np.int16]

JITTERS_MS = (-240, -120, 0, 120, 240)
"""Marks are set by hand: windows before them are judged as if the mark lay up to a quarter of a second off."""
FEWEST_SETS = 5
REPETITIONS = 3
"""Of folds that are always the same, with other seeds: one small network's luck is no result."""
SPLIT_SEEDS = (0, 1, 2, 3, 4)
PARTS = 5


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """One fit: the examples it trains on, and those it is asked about. `round` numbers the repetition it is part of."""

    train: Ids
    test: Ids
    round: int


@dataclass(frozen=True, eq=False, slots=True)
class Task:
    """Examples with labels, and how they are split.

    Attributes:
        name: Of the recordings.
        examples: Sets.
        labels: Names, sorted.
        fine: Names of the finest labels, sorted.
        targets: Their numbers.
        sessions: `(examples,)` number of the session.
        splits: All fits; those of one round ask about every example once.
        left_out: Sets of labels that are too rare.
    """

    name: str
    examples: tuple[SetExample, ...]
    labels: tuple[str, ...]
    fine: tuple[str, ...]
    targets: Targets
    sessions: Ids
    splits: tuple[Split, ...]
    left_out: int = 0

    @property
    def rounds(self) -> int:
        """Repetitions with other splits."""
        return 1 + max(split.round for split in self.splits)

    def windows(self, end_ms: int, jitter_ms: int = 0) -> Windows:
        """One window of each example, `(examples, 50, 3)`.

        Where the samples do not reach, the nearest that they hold is taken: every example is judged, also those of
        which nothing was recorded before the mark.
        """
        cut = []
        for example in self.examples:
            end = example.start_row + round((end_ms + jitter_ms) / 20)
            end = min(max(end, 50), len(example.samples))
            cut.append(example.samples[end - 50 : end])
        return np.stack(cut)

    def training_windows(self, ends_ms: tuple[int, ...], jitter_ms: int, draws: int, seed: int) -> tuple[Windows, Ids]:
        """Windows around several ends, shifted by chance, and the example that each is of."""
        placements = [Placement(end, jitter_ms, draws if jitter_ms else 1) for end in ends_ms]
        cut = [windows_of(self.examples, placement, seed) for placement in placements]
        return np.concatenate([one.windows for one in cut]), np.concatenate([one.example for one in cut])

    def common_labels(self) -> tuple[int, ...]:
        """Labels of at least three sessions and six sets: what a macro average over sessions runs over."""
        truth = self.targets.labels
        return tuple(
            number
            for number in range(len(self.labels))
            if (truth == number).sum() >= 6 and len(np.unique(self.sessions[truth == number])) >= 3
        )


def gymwatch(folder: Path) -> Task:
    """Sets of one person over ten sessions: each session in turn is kept from the fit."""
    task = _task("gymwatch", _labelled(folder, "gymwatch"))
    everybody = np.arange(len(task.examples))
    splits = [
        Split(everybody[task.sessions != session], everybody[task.sessions == session], number)
        for number in range(REPETITIONS)
        for session in np.unique(task.sessions)
    ]
    return _split(task, splits)


def muvr(folder: Path) -> Task:
    """Sets of one person, each exercise within one session: five parts by set, five times over."""
    found = _labelled(folder, "muvr")
    often = Counter(example.label for example in found)
    kept = [example for example in found if often[example.label] >= FEWEST_SETS]
    task = _task("muvr", kept, len(found) - len(kept))
    splits = []
    for number, seed in enumerate(SPLIT_SEEDS):
        parts = StratifiedKFold(PARTS, shuffle=True, random_state=seed).split(task.sessions, task.targets.labels)
        splits += [Split(np.asarray(train), np.asarray(test), number) for train, test in parts]
    return _split(task, splits)


def inner_splits(task: Task, split: Split, parts: int) -> list[Split]:
    """A fit's own examples split once more, by session where there are several: what calibration is fitted on."""
    train = split.train
    if task.name == "gymwatch":
        part = np.unique(task.sessions[train], return_inverse=True)[1] % parts
    else:
        part = np.empty(len(train), np.int64)
        folds = StratifiedKFold(parts, shuffle=True, random_state=split.round)
        for number, (_, held) in enumerate(folds.split(train, task.targets.labels[train])):
            part[held] = number
    return [Split(train[part != number], train[part == number], split.round) for number in range(parts)]


def _labelled(folder: Path, name: str) -> list[SetExample]:
    data: Dataset = read_recordings(folder, Reading(names=(name,), negatives=0))
    return [example for example in data.examples if example.label is not None]


def _task(name: str, examples: list[SetExample], left_out: int = 0) -> Task:
    fine = tuple(sorted({example.fine or "" for example in examples}))
    label_of = {example.fine or "": example.label or "" for example in examples}
    labels = tuple(sorted(set(label_of.values())))
    targets = Targets(
        labels=np.array([labels.index(example.label or "") for example in examples]),
        fine=np.array([fine.index(example.fine or "") for example in examples]),
        groups=np.array([labels.index(label_of[one]) for one in fine]),
        label_count=len(labels),
    )
    sessions = group_numbers([example.session for example in examples])
    return Task(name, tuple(examples), labels, fine, targets, sessions, (), left_out)


def _split(task: Task, splits: list[Split]) -> Task:
    return Task(
        task.name, task.examples, task.labels, task.fine, task.targets, task.sessions, tuple(splits), task.left_out
    )
