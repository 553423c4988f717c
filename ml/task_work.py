"""What a worker does with a task. Runs in a child process of its own: this module's imports bring TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from kinelog.device.blob import BlobError, pack_blob
from kinelog.device.evaluation import Evaluator, with_vectors
from kinelog.domain.catalogue import ExerciseNameError, parse
from kinelog.ml import fit_data
from kinelog.ml.baseline_work import answer
from kinelog.ml.batched_fit import fit_batch
from kinelog.ml.code_version import code_version
from kinelog.ml.export import ExportError, to_blob
from kinelog.ml.fit_data import FitData
from kinelog.ml.fit_job import FitJob, FitResult, Targets
from kinelog.ml.genome import Genome
from kinelog.ml.result_cache import ResultCache
from kinelog.ml.scope_windows import ScopeWindows, asked_windows, draws_of, judged_windows, training_windows
from kinelog.ml.tasks import (
    BaselineTask,
    OutOfFold,
    RefitResult,
    RefitTask,
    SelectResult,
    SelectTask,
    TaskReport,
    refit_key,
    select_key,
    task_of,
)
from kinelog.ml.vector_windows import vector_windows
from numpy.typing import NDArray

WINDOWS_TOGETHER = 1 << 17
"""Of one sensor each, that genomes train on together: with what is computed from them some 200 MB."""
PROBED = 64
"""Windows of people on which a model is held against Keras."""


class OtherCodeError(Exception):
    """A worker whose Kinelog is not the night's."""


def run(task: bytes) -> bytes:
    """Do a task: its results go into the cache, its report is returned.

    Raises:
        OtherCodeError: The night runs another version than this worker.
        FitDataError: The scope's arrays are not where the task says.
    """
    asked = task_of(task)
    if asked.common.code_version != code_version():
        message = f"this worker's code is {code_version()}, the night's {asked.common.code_version}"
        raise OtherCodeError(message)
    if isinstance(asked, BaselineTask):
        return msgspec.json.encode(answer(asked))
    started = time.perf_counter()
    work = Work(asked)
    prepared = time.perf_counter() - started
    report = work.select(asked) if isinstance(asked, SelectTask) else work.refit(asked)
    return msgspec.json.encode(msgspec.structs.replace(report, preparation_s=report.preparation_s + prepared))


class Work:
    """A scope's data, opened for a task."""

    def __init__(self, task: SelectTask | RefitTask) -> None:
        """Map the data into memory."""
        self.data = fit_data.load(Path(task.place.data), task.common.data)
        self.cache = ResultCache(Path(task.place.results))
        self.seed = task.common.seed
        self.targets = targets_of(self.data)
        self._preparation_s = 0.0

    def select(self, task: SelectTask) -> TaskReport:
        """Answer each fold with networks that did not see it."""
        missing = [one for one in task.genomes if select_key(task.common, one, task.masks) not in self.cache]
        judged = self._prepared(lambda: asked_windows(self.data))
        return TaskReport(sum(self._select(task, some, judged) for some in self.together(missing)), self._preparation_s)

    def refit(self, task: RefitTask) -> TaskReport:
        """Fit on everything; make blobs."""
        missing = [one for one in task.genomes if refit_key(task.common, one) not in self.cache]
        return TaskReport(sum(self._refit(task, some) for some in self.together(missing)), self._preparation_s)

    def together(self, genomes: Sequence[Genome]) -> Iterator[list[Genome]]:
        """Genomes that are fitted together: all, if their windows fit into the memory; that changes no bit of any."""
        some: list[Genome] = []
        for genome in genomes:
            if some and sum(map(self._window_count, (*some, genome))) > WINDOWS_TOGETHER:
                yield some
                some = []
            some.append(genome)
        if some:
            yield some

    def _window_count(self, genome: Genome) -> int:
        """At most, of one sensor each."""
        examples, sites = len(self.data), len(self.data.names.sites)
        return examples * sites * len(genome.ends_ms) * draws_of(genome, examples, sites)

    def _select(self, task: SelectTask, genomes: Sequence[Genome], judged: ScopeWindows) -> int:
        jobs, owners = [], []
        for genome in genomes:
            cut = self._training(genome)
            for fold in np.unique(self.data.folds).tolist():
                train = self._trainable(genome, cut, self.data.folds != fold)
                if len(train):
                    jobs.append(self._job(genome, cut, train, fold))
                    owners.append((genome, fold))
        fitted = dict(zip(owners, fit_batch(jobs), strict=True)) if jobs else {}
        for genome in genomes:
            by_fold = {fold: result for (owner, fold), result in fitted.items() if owner is genome}
            result = self._out_of_fold(genome, by_fold, judged, task.masks)
            self.cache.write(select_key(task.common, genome, task.masks), msgspec.msgpack.encode(result))
        return len(jobs)

    def _refit(self, task: RefitTask, genomes: Sequence[Genome]) -> int:
        jobs = []
        for genome in genomes:
            cut = self._training(genome)
            train = self._trainable(genome, cut, np.ones(len(self.data), dtype=np.bool_))
            # A fold of its own: chance is that of no fold that selected.
            jobs.append(self._job(genome, cut, train, int(self.data.folds.max()) + 1))
        for genome, result in zip(genomes, fit_batch(jobs), strict=True):
            blob = self._blob(genome, result)
            self.cache.write(refit_key(task.common, genome), msgspec.msgpack.encode(blob))
        return len(jobs)

    def _training(self, genome: Genome) -> ScopeWindows:
        return self._prepared(lambda: training_windows(self.data, genome))

    def _prepared(self, cut: Callable[[], ScopeWindows]) -> ScopeWindows:
        started = time.perf_counter()
        made = cut()
        self._preparation_s += time.perf_counter() - started
        return made

    def _trainable(self, genome: Genome, cut: ScopeWindows, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Examples to train on: those that have a window; for a net that is not masked, those with every sensor."""
        usable = wanted if genome.masked else wanted & self.data.complete
        return np.intersect1d(np.flatnonzero(usable), cut.rows.example_of)

    def _job(self, genome: Genome, cut: ScopeWindows, train: NDArray[np.int64], fold: int) -> FitJob:
        sites = self.data.names.sites
        return FitJob(genome, cut.windows, cut.rows.example_of, self.targets, train, sites, fold=fold, seed=self.seed)

    def _out_of_fold(
        self, genome: Genome, by_fold: dict[int, FitResult], judged: ScopeWindows, masks: Sequence[int]
    ) -> SelectResult:
        outputs = len(self.data.names.fine) if genome.fine_labels else len(self.data.names.labels)
        if not by_fold or any(result.status != "ok" for result in by_fold.values()):
            return SelectResult("nan", outputs)
        everything = (1 << len(self.data.names.sites)) - 1
        asked = masks if genome.masked else (everything,)
        answers = []
        for mask in asked:
            worn = (self.data.present & mask) == mask
            rows, logits = [], []
            for fold, result in sorted(by_fold.items()):
                of_fold = np.flatnonzero(((self.data.folds == fold) & worn)[judged.rows.example_of])
                if len(of_fold):
                    rows.append(of_fold)
                    logits.append(self._logits(genome, result, judged.windows[of_fold], mask))
            if rows:
                answers.append(OutOfFold(mask, np.concatenate(rows).tobytes(), np.concatenate(logits).tobytes()))
        return SelectResult("ok", outputs, tuple(answers))

    def _logits(self, genome: Genome, result: FitResult, windows: NDArray[np.int16], mask: int) -> NDArray[np.float32]:
        """As a device computes them."""
        blob = to_blob(result, genome, self.groups(genome), 1.0, 0.0, None)
        return Evaluator(blob).evaluate(windows, mask).logits

    def groups(self, genome: Genome) -> tuple[int, ...]:
        """The label of each of the network's outputs."""
        return self.data.names.groups if genome.fine_labels else tuple(range(len(self.data.names.labels)))

    def _blob(self, genome: Genome, result: FitResult) -> RefitResult:
        if result.status != "ok":
            return RefitResult(b"", "a weight is not finite")
        judged = judged_windows(self.data).windows
        probes = judged[np.unique(np.linspace(0, len(judged) - 1, PROBED).astype(np.int64))]
        try:
            blob = to_blob(result, genome, self.groups(genome), 1.0, 0.0, probes)
            # Held against Keras on windows of people; what is kept of it holds made ones, since blobs are public.
            return RefitResult(pack_blob(with_vectors(blob, vector_windows(blob.sites))))
        except (ExportError, BlobError) as error:
            return RefitResult(b"", str(error))


def targets_of(data: FitData) -> Targets:
    """What there is to learn of a scope's examples."""
    return Targets(
        labels=data.labels,
        fine=data.fine,
        groups=np.array(data.names.groups, dtype=np.int64),
        label_count=len(data.names.labels),
        auxiliary=_muscle_groups(data),
    )


def _muscle_groups(data: FitData) -> NDArray[np.int64] | None:
    """Of each example, from its label's name; None where no label names a group."""
    of_label: list[str | None] = []
    for label in data.names.labels:
        try:
            of_label.append(str(parse(label).groups[0]))
        except ExerciseNameError:
            # Recordings from elsewhere have names of their own.
            of_label.append(None)
    names = sorted({group for group in of_label if group is not None})
    if not names:
        return None
    numbers = np.array([-1 if group is None else names.index(group) for group in of_label], dtype=np.int64)
    return numbers[data.labels]
