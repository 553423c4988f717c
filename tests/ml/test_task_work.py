"""What a task asks of networks: who trains on what, and who answers what. No network is fitted here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from kinelog.ml.code_version import code_version
from kinelog.ml.fit_data import FitData
from kinelog.ml.fit_job import FitJob
from kinelog.ml.genome import Genome
from kinelog.ml.out_of_fold import answers_of
from kinelog.ml.result_cache import ResultCache
from kinelog.ml.scope_windows import JUDGED_ENDS_MS, Rows, asked_rows
from kinelog.ml.task_work import OtherCodeError, Work, run
from kinelog.ml.tasks import Common, Place, RefitTask, SelectTask, select_key, task_bytes
from numpy.typing import NDArray

from tests.ml.laid_arrays import laid_arrays
from tests.ml.made_examples import Floor, made_dataset

pytestmark = pytest.mark.fit

GENOME = Genome(ends_ms=(0, 1000), dense=(8,))
FOLDS = 3


@dataclass(frozen=True)
class Fitted:
    """Stands for a network: says of which fold it is."""

    fold: int
    status: str = "ok"


@pytest.fixture
def data(tmp_path: Path) -> FitData:
    dataset = made_dataset(Floor(people=3, sessions=3, exercises=2, sets=2, negatives=0, set_s=2.0))
    folds = [place % FOLDS for place in range(len(dataset.examples))]
    return laid_arrays(tmp_path / "arrays", dataset.examples, folds, ("left-wrist",), dataset.labels)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[FitJob]:
    """What is to be fitted; each network answers with the number of its fold."""
    asked: list[FitJob] = []

    def fitted(given: Sequence[FitJob]) -> list[Fitted]:
        asked.extend(given)
        return [Fitted(job.fold) for job in given]

    def logits(_work: Work, _genome: Genome, result: Fitted, windows: NDArray[np.int16], _mask: int) -> object:
        return np.full((len(windows), 2), result.fold, np.float32)

    monkeypatch.setattr("kinelog.ml.task_work.fit_batch", fitted)
    monkeypatch.setattr(Work, "_logits", logits)
    return asked


def common(data: FitData) -> Common:
    return Common(data.sha256, 1, code_version())


def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "arrays"), str(tmp_path / "results"))


def windows_in(rows: Rows) -> list[tuple[int, int, bool]]:
    return sorted(zip(rows.example_of.tolist(), rows.ends_ms.tolist(), rows.changed.tolist(), strict=True))


def test_each_fold_is_answered_once_by_the_network_that_trained_on_all_the_others(
    tmp_path: Path, data: FitData, jobs: list[FitJob]
) -> None:
    run(task_bytes(SelectTask(common(data), place(tmp_path), (GENOME,), (1,))))
    assert [job.fold for job in jobs] == list(range(FOLDS))
    for job in jobs:
        assert job.train.tolist() == np.flatnonzero(data.folds != job.fold).tolist()

    held = ResultCache(tmp_path / "results").read(select_key(common(data), GENOME, (1,)))
    assert held is not None
    judged = asked_rows(data)
    answers = answers_of(held, GENOME, data, judged)[1]
    assert answers.folds == FOLDS
    assert answers.logits[:, 0].tolist() == data.folds[answers.examples].tolist()
    answered = Rows(answers.examples, answers.ends_ms, answers.changed)
    assert windows_in(answered) == windows_in(judged)


def test_a_score_is_the_mean_over_the_ends_however_many_windows_each_has(
    tmp_path: Path, data: FitData, jobs: list[FitJob]
) -> None:
    run(task_bytes(SelectTask(common(data), place(tmp_path), (GENOME,), (1,))))
    assert jobs
    held = ResultCache(tmp_path / "results").read(select_key(common(data), GENOME, (1,)))
    assert held is not None
    answers = answers_of(held, GENOME, data, asked_rows(data))[1]
    # Everything is taken for the first label, except what ends with the first second: that is right.
    right = np.eye(2, dtype=np.float32)[answers.truth]
    first = np.tile(np.array([1, 0], np.float32), (len(right), 1))
    at = answers.ends_ms == max(JUDGED_ENDS_MS)
    half = replace(answers, logits=np.where(at[:, None], right, first))
    # One of two equally frequent labels: accuracy 1/2 and a macro-F1 of (2/3 + 0) / 2.
    wrong = (1 / 2 + 1 / 3) / 2
    ends = len(JUDGED_ENDS_MS)
    assert half.score().value == pytest.approx((1 + (ends - 1) * wrong) / ends)


def test_the_network_that_is_kept_trains_on_every_set_and_has_chance_of_its_own(
    tmp_path: Path, data: FitData, jobs: list[FitJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Work, "_blob", lambda *_: None)
    run(task_bytes(RefitTask(common(data), place(tmp_path), (GENOME,))))
    (job,) = jobs
    assert job.train.tolist() == list(range(len(data)))
    assert job.fold == FOLDS


def test_a_worker_with_other_code_refuses(tmp_path: Path, data: FitData, jobs: list[FitJob]) -> None:
    other = msgspec.structs.replace(common(data), code_version="0" * 16)
    with pytest.raises(OtherCodeError, match="0000"):
        run(task_bytes(SelectTask(other, place(tmp_path), (GENOME,), (1,))))
    assert jobs == []
