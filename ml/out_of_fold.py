"""What candidates answered on folds that they did not train on, and how that ranks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from kinelog.ml import scores
from kinelog.ml.calibration import grouped_softmax
from kinelog.ml.fit_data import FitData
from kinelog.ml.genome import Genome
from kinelog.ml.promotion import SelectionScore
from kinelog.ml.scope_windows import Rows
from kinelog.ml.scores import Ids
from kinelog.ml.tasks import SelectResult
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """Out-of-fold answers of one candidate with some sites present.

    Attributes:
        logits: `(rows, outputs)` float32, before temperature.
        groups: `(outputs,)` label of each output.
        truth: `(rows,)`.
        ends_ms: `(rows,)` which window of its set a row is.
        changed: `(rows,)` whether a row's window is as another sensor would have brought it.
        examples: `(rows,)` places of the sets.
        label_count: Labels.
        folds: How many folds answered.
    """

    logits: NDArray[np.float32]
    groups: Ids
    truth: Ids
    ends_ms: Ids
    changed: NDArray[np.bool_]
    examples: Ids
    label_count: int
    folds: int

    @property
    def sets(self) -> int:
        """How many sets were answered."""
        return len(np.unique(self.examples))

    @property
    def early(self) -> bool:
        """Whether half of the sets or more have windows that end before their start."""
        return 2 * len(np.unique(self.examples[self.ends_ms <= 0])) >= self.sets

    def score(self) -> SelectionScore:
        """Mean of accuracy and macro-F1: windows of the set count as much as all before it, recorded as changed."""
        decided = scores.decisions(grouped_softmax(self.logits, self.groups.tolist(), 1.0))
        kinds = []
        for changed in np.unique(self.changed):
            for before in np.unique(self.ends_ms <= 0):
                ends = np.unique(self.ends_ms[(self.ends_ms <= 0) == before])
                each = [self._found(decided, (self.ends_ms == end) & (self.changed == changed)) for end in ends]
                kinds.append(float(np.mean(each)))
        return SelectionScore(float(np.mean(kinds)), self.folds)

    def _found(self, decided: Ids, at: NDArray[np.bool_]) -> float:
        truth, said = self.truth[at], decided[at]
        return (scores.accuracy(truth, said) + scores.macro_f1(truth, said, self.label_count)) / 2


def answers_of(result: bytes, genome: Genome, data: FitData, judged: Rows) -> Mapping[int, Answers]:
    """Answers by mask; none of a candidate whose networks were not finite.

    Args:
        result: A `SelectResult`, encoded.
        genome: Whose.
        data: The scope's arrays that it was computed from.
        judged: Its judged windows.
    """
    read = msgspec.msgpack.decode(result, type=SelectResult)
    fine = data.names.groups if genome.fine_labels else range(len(data.names.labels))
    groups = np.array(fine, dtype=np.int64)
    found = {}
    for one in read.answers:
        rows = np.frombuffer(one.rows, dtype=np.int64)
        examples = judged.example_of[rows]
        found[one.mask] = Answers(
            logits=np.frombuffer(one.logits, dtype=np.float32).reshape(len(rows), read.outputs),
            groups=groups,
            truth=data.labels[examples],
            ends_ms=judged.ends_ms[rows],
            changed=judged.changed[rows],
            examples=examples,
            label_count=len(data.names.labels),
            folds=len(np.unique(data.folds[examples])),
        )
    return found
