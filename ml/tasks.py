"""Tasks: what a worker is asked, and the names that results are kept under.

A task names its data by hash and carries genomes, no samples. It is idempotent: each genome's result is written under
the hash of everything that it was computed from (data with folds, genome, seed, code), and a genome whose result is
there already is not computed again. Which genomes share a task changes no bit of a result.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from kinelog.ml.genome import Genome, genome_bytes, shape_key
from kinelog.ml.network_inputs import MOST_COPIES
from kinelog.ml.training_budget import windows_at_most

RUN: Final = "kinelog.ml.task_work:run"
"""What does a task, as engines name it: whoever only makes tasks does not import TensorFlow."""
GENOMES_A_TASK: Final = 6
"""With five folds thirty networks: as many as train together at no extra cost."""
TASK_BYTES: Final = 1 << 30
"""Of windows and inputs that a task holds at a time, about."""
BYTES_A_COPY: Final = 50 * 3 * 2 + 86 * 4
"""Of one site: a window and its features."""


class Place(msgspec.Struct, frozen=True):
    """Folders that the night and its workers share; no part of any result's name.

    Attributes:
        data: Arrays of scopes, by hash.
        results: The cache of results.
    """

    data: str
    results: str


class Common(msgspec.Struct, frozen=True):
    """What all tasks of a scope's night have in common.

    Attributes:
        data: Hash of the scope's arrays.
        seed: Of the night.
        code_version: Of whoever asks; a worker with other code refuses.
    """

    data: str
    seed: int
    code_version: str


class SelectTask(msgspec.Struct, frozen=True, tag="select"):
    """Fit genomes of one shape on each fold, and answer each fold with the networks that did not see it.

    Attributes:
        genomes: What to fit.
        masks: Which sites are present in the answers asked for, bit by bit; only masked nets answer all of them.
    """

    common: Common
    place: Place
    genomes: tuple[Genome, ...]
    masks: tuple[int, ...]


class RefitTask(msgspec.Struct, frozen=True, tag="refit"):
    """Fit genomes of one shape on everything, and make each a blob."""

    common: Common
    place: Place
    genomes: tuple[Genome, ...]


class BaselineTask(msgspec.Struct, frozen=True, tag="baseline"):
    """Fit a trivial model on the selection, and answer the confirmation sessions.

    Attributes:
        name: Of the baseline.
        held: Hash of the confirmation's arrays.
    """

    common: Common
    place: Place
    name: str
    held: str


Task = SelectTask | RefitTask | BaselineTask


class OutOfFold(msgspec.Struct, frozen=True):
    """Answers with some sites present.

    Attributes:
        mask: Which.
        rows: int64, places among the judged windows.
        logits: float32 `(rows, outputs)`.
    """

    mask: int
    rows: bytes
    logits: bytes


class SelectResult(msgspec.Struct, frozen=True):
    """What one genome answered; `nan` if a network of any fold was not finite."""

    status: str
    outputs: int
    answers: tuple[OutOfFold, ...] = ()


class RefitResult(msgspec.Struct, frozen=True):
    """One genome's blob, with temperature 1 and no threshold; none if it was not finite or refused, for `reason`."""

    blob: bytes
    reason: str = ""


class BaselineResult(msgspec.Struct, frozen=True):
    """What a trivial model answered: float64 `(windows, labels)` probabilities."""

    labels: int
    probabilities: bytes


class TaskReport(msgspec.Struct, frozen=True):
    """What a worker says of a task; the results themselves are in the cache.

    Attributes:
        fits: Networks that were trained.
        preparation_s: Seconds that went into reading and cutting data.
    """

    fits: int
    preparation_s: float


def task_bytes(task: Task) -> bytes:
    """The task as a worker takes it."""
    return msgspec.msgpack.encode(task)


def task_of(data: bytes) -> Task:
    """Read a task.

    Raises:
        msgspec.DecodeError: It is none.
    """
    task: Task = msgspec.msgpack.decode(data, type=Task)
    return task


def select_key(common: Common, genome: Genome, masks: Sequence[int]) -> str:
    """The name of a `SelectResult`."""
    asked = ",".join(map(str, masks)) if genome.masked else "whole"
    return _key("select", common, genome_bytes(genome), asked)


def refit_key(common: Common, genome: Genome) -> str:
    """The name of a `RefitResult`."""
    return _key("refit", common, genome_bytes(genome), "")


def baseline_key(task: BaselineTask) -> str:
    """The name of a `BaselineResult`."""
    return _key("baseline", task.common, task.held.encode(), task.name)


def genomes_a_task(examples: int, sites: int) -> int:
    """How many genomes a task holds: fewer where the windows that each trains on would fill a worker's memory.

    Args:
        examples: Of the pool.
        sites: Of the pool.
    """
    copies = min(MOST_COPIES, windows_at_most(examples, sites))
    return max(1, min(GENOMES_A_TASK, TASK_BYTES // max(1, examples * sites * copies * BYTES_A_COPY)))


def grouped(genomes: Iterable[Genome], at_most: int = GENOMES_A_TASK) -> list[tuple[Genome, ...]]:
    """Genomes that may train together, in groups that are small enough for a task."""
    by_shape: defaultdict[str, list[Genome]] = defaultdict(list)
    for genome in genomes:
        by_shape[shape_key(genome)].append(genome)
    groups = []
    for shape in sorted(by_shape):
        # Those that train equally long together: a batch trains until its last network is done.
        alike = sorted(by_shape[shape], key=lambda genome: (genome.epochs, genome_bytes(genome)))
        groups += [tuple(alike[start : start + at_most]) for start in range(0, len(alike), at_most)]
    return groups


def _key(purpose: str, common: Common, genome: bytes, more: str) -> str:
    hashed = hashlib.sha256()
    for part in (purpose, common.data, str(common.seed), common.code_version, more):
        hashed.update(f"{part}\0".encode())
    hashed.update(genome)
    return hashed.hexdigest()
