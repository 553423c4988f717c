"""Models that recognition is measured with: the project's networks as exported, and what they are held against.

Each answers with probabilities for windows of the examples that its fit did not see.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from kinelog.device.blob import pack_blob, unpack_blob
from kinelog.device.evaluation import Evaluator
from kinelog.ml.baselines import fit_baseline, gravity_direction
from kinelog.ml.batched_fit import fit_batch
from kinelog.ml.calibration import fitted_temperature
from kinelog.ml.export import to_blob
from kinelog.ml.fit_job import FitJob, FitResult
from kinelog.ml.genome import Genome
from kinelog.ml.scope_windows import draws_of
from kinelog.ml.scores import Ids, Reals
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from benchmarks.recognition_tasks import Split, Task, Windows, inner_splits

INNER_PARTS = 3
CHECKED_WINDOWS = 48
PEER_DRAWS = 8

Answering: TypeAlias = Callable[[Windows], Reals]
"""A fitted model: `(n, labels)` probabilities of `(n, 50, 3)` windows."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to fit models, one a split, in one go."""

    name: str
    fit: Callable[[Task], list[Answering]]


def out_of_fold(task: Task, models: Sequence[Answering], windows: Windows) -> Reals:
    """`(rounds, examples, labels)`: what was said of each example by the model that had not seen it."""
    answers = np.zeros((task.rounds, len(task.examples), len(task.labels)))
    for split, model in zip(task.splits, models, strict=True):
        answers[split.round, split.test] = model(windows[split.test])
    return answers


def network(name: str, genome: Genome) -> Peer:
    """The project's network: fitted, calibrated within what the fit may see, exported, read back from its bytes."""

    def fit(task: Task) -> list[Answering]:
        inner = [one for split in task.splits for one in inner_splits(task, split, INNER_PARTS)]
        made = fits(task, [*task.splits, *inner], genome)
        temperatures = _temperatures(task, inner, made[len(task.splits) :], genome)
        windows, _ = task.training_windows((1000,), 0, 1, 0)
        probes = windows[:: max(1, len(windows) // CHECKED_WINDOWS)]
        found = []
        for result, temperature in zip(made[: len(task.splits)], temperatures, strict=True):
            data = pack_blob(to_blob(result, genome, groups_of(task, genome), temperature, 0.0, probes))
            found.append(_answering(data))
        return found

    return Peer(name, fit)


def fits(task: Task, splits: Sequence[Split], genome: Genome) -> list[FitResult]:
    """A genome fitted once a split, as one batch."""
    windows, example = task.training_windows(genome.ends_ms, genome.jitter_ms, draws_of(genome), genome.seed)
    jobs = [
        FitJob(
            genome=genome,
            windows=windows,
            example_of=example,
            targets=task.targets,
            train=np.intersect1d(split.train, example),
            sites=task.examples[0].sites,
            fold=number,
            seed=split.round,
        )
        for number, split in enumerate(splits)
    ]
    return fit_batch(jobs)


def groups_of(task: Task, genome: Genome) -> list[int]:
    """The label of each output of a genome's network."""
    numbers: list[int] = task.targets.groups.tolist()
    return numbers if genome.fine_labels else list(range(len(task.labels)))


def _temperatures(task: Task, inner: Sequence[Split], made: Sequence[FitResult], genome: Genome) -> list[float]:
    """One for each split, from what its inner fits said of the part that each had not seen."""
    groups = groups_of(task, genome)
    judged = np.stack([task.windows(end) for end in genome.ends_ms])
    found = []
    for first in range(0, len(inner), INNER_PARTS):
        logits, truth = [], []
        for split, result in zip(inner[first : first + INNER_PARTS], made[first : first + INNER_PARTS], strict=True):
            evaluator = Evaluator(to_blob(result, genome, groups, 1.0, 0.0, None))
            for windows in judged[:, split.test]:
                logits.append(evaluator.evaluate(windows).logits)
                truth.append(task.targets.labels[split.test])
        found.append(fitted_temperature(np.concatenate(logits), groups, np.concatenate(truth)))
    return found


def _answering(data: bytes) -> Answering:
    evaluator = Evaluator(unpack_blob(data))

    def answer(windows: Windows) -> Reals:
        return evaluator.evaluate(windows).probabilities.astype(np.float64)

    return answer


def peers(ends_ms: tuple[int, ...], jitter_ms: int) -> tuple[Peer, ...]:
    """What a network has to beat, each trained on the same kind of windows."""

    def each(fit: Callable[[Windows, Ids, int, int], Answering]) -> Callable[[Task], list[Answering]]:
        def all_splits(task: Task) -> list[Answering]:
            windows, example = task.training_windows(ends_ms, jitter_ms, PEER_DRAWS, 0)
            truth = task.targets.labels[example]
            found = []
            for split in task.splits:
                seen = np.isin(example, split.train)
                found.append(fit(windows[seen], truth[seen], len(task.labels), split.round))
            return found

        return all_splits

    def baseline(name: str) -> Callable[[Windows, Ids, int, int], Answering]:
        return lambda windows, truth, count, seed: fit_baseline(name, windows, truth, count, seed=seed).probabilities

    return (
        Peer("majority", each(_majority)),
        Peer("gravity, nearest", each(_nearest_gravity)),
        Peer("gravity, forest", each(baseline("gravity"))),
        Peer("logistic on features", each(baseline("logistic"))),
        Peer("ExtraTrees on features", each(baseline("extra-trees"))),
        Peer("raw 150-128-64", each(_naive_network)),
    )


def _majority(_: Windows, truth: Ids, labels: int, __: int) -> Answering:
    shares = np.bincount(truth, minlength=labels) / len(truth)
    return lambda asked: np.tile(shares, (len(asked), 1))


def _nearest_gravity(windows: Windows, truth: Ids, labels: int, _: int) -> Answering:
    found = KNeighborsClassifier(1).fit(gravity_direction(windows), truth)
    return lambda asked: np.eye(labels)[found.predict(gravity_direction(asked))]


def _naive_network(windows: Windows, truth: Ids, labels: int, seed: int) -> Answering:
    found = MLPClassifier((128, 64), max_iter=60, early_stopping=False, tol=0.0, n_iter_no_change=60, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the peer is one that is trained for a fixed time
        found.fit(_in_g(windows), truth)

    def answer(asked: Windows) -> Reals:
        said = np.zeros((len(asked), labels))
        said[:, found.classes_] = found.predict_proba(_in_g(asked))
        return said

    return answer


def _in_g(windows: Windows) -> Reals:
    return windows.reshape(len(windows), -1) / 1000.0
