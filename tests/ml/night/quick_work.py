"""Tasks done in milliseconds: linear discriminants in place of networks, everything else as the night has it.

A genome's name decides which inputs its discriminant sees, so that genomes differ and the same genome is always the
same model.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from kinelog.device.blob import Dense, FrontEnd, ModelBlob, pack_blob
from kinelog.device.evaluation import with_vectors
from kinelog.device.features import FEATURES_PER_SITE, features
from kinelog.device.layers import Activation
from kinelog.ml import fit_data
from kinelog.ml.baseline_work import answer
from kinelog.ml.engines.port import Engine, Finished
from kinelog.ml.fit_data import FitData
from kinelog.ml.genome import Genome, genome_id
from kinelog.ml.result_cache import ResultCache
from kinelog.ml.scope_windows import ScopeWindows, asked_windows
from kinelog.ml.tasks import (
    BaselineTask,
    OutOfFold,
    RefitResult,
    SelectResult,
    SelectTask,
    TaskReport,
    refit_key,
    select_key,
    task_of,
)
from kinelog.ml.vector_windows import vector_windows
from numpy.typing import NDArray
from typing_extensions import override

SEEN = 0.6
"""Share of the inputs that a discriminant sees."""


class QuickEngine(Engine):
    """Does tasks in this process, one after the other."""

    name = "quick"

    def __init__(self) -> None:
        self.tasks = 0

    @override
    def map(self, tasks: Sequence[bytes]) -> Generator[Finished]:
        for index, task in enumerate(tasks):
            self.tasks += 1
            yield Finished(index, run(task), 0.001, 1)

    @override
    def close(self) -> None:
        """Nothing to end."""


def run(task: bytes) -> bytes:
    """As `task_work.run`."""
    asked = task_of(task)
    if isinstance(asked, BaselineTask):
        return msgspec.json.encode(answer(asked))
    data, inputs = _inputs(asked.place.data, asked.common.data)
    results = ResultCache(Path(asked.place.results))
    fits = 0
    for genome in asked.genomes:
        if isinstance(asked, SelectTask):
            key, result = select_key(asked.common, genome, asked.masks), _select(data, inputs, genome, asked.masks)
        else:
            key = refit_key(asked.common, genome)
            result = msgspec.msgpack.encode(RefitResult(_blob(data, inputs, genome)))
        fits += key not in results
        results.write(key, result)
    return msgspec.json.encode(TaskReport(fits, 0.0))


@dataclass(frozen=True, eq=False)
class Inputs:
    """What all genomes see of a scope's data."""

    judged: ScopeWindows
    features: NDArray[np.float64]


@cache
def _inputs(folder: str, sha256: str) -> tuple[FitData, Inputs]:
    """Computed once: the arrays are known by their hash."""
    data = fit_data.load(Path(folder), sha256)
    judged = asked_windows(data)
    return data, Inputs(judged, features(judged.windows).astype(np.float64))


def _select(data: FitData, inputs: Inputs, genome: Genome, masks: tuple[int, ...]) -> bytes:
    everything = (1 << len(data.names.sites)) - 1
    of_rows = inputs.judged.rows.example_of
    models = {fold: _fitted(data, inputs, genome, data.folds != fold) for fold in np.unique(data.folds).tolist()}
    answers = []
    for mask in masks if genome.masked else (everything,):
        rows, logits = [], []
        for fold, model in models.items():
            worn = (data.present & mask) == mask
            asked = np.flatnonzero(((data.folds == fold) & worn)[of_rows])
            if len(asked):
                rows.append(asked)
                logits.append(_logits(model, inputs.features[asked], mask, len(data.names.sites)))
        if rows:
            answers.append(OutOfFold(mask, np.concatenate(rows).tobytes(), np.concatenate(logits).tobytes()))
    return msgspec.msgpack.encode(SelectResult("ok", len(_groups(data, genome)), tuple(answers)))


def _logits(model: NDArray[np.float32], computed: NDArray[np.float64], mask: int, sites: int) -> NDArray[np.float32]:
    present = np.repeat([bool(mask >> site & 1) for site in range(sites)], FEATURES_PER_SITE)
    weights = model[:, 1 : 1 + computed.shape[1]].astype(np.float64)
    return np.asarray((computed * present) @ weights.T + model[:, 0], np.float32)


def _groups(data: FitData, genome: Genome) -> tuple[int, ...]:
    return data.names.groups if genome.fine_labels else tuple(range(len(data.names.labels)))


def _fitted(data: FitData, inputs: Inputs, genome: Genome, train: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Means of classes on some of the features, as one dense layer on all of them (and on a masked net's flags)."""
    at = train[inputs.judged.rows.example_of] & ~inputs.judged.rows.changed
    groups = _groups(data, genome)
    classes = (data.fine if genome.fine_labels else data.labels)[inputs.judged.rows.example_of[at]]
    seen = np.random.default_rng(int(genome_id(genome), 16)).random(inputs.features.shape[1]) < SEEN
    mean, spread = inputs.features[at].mean(axis=0), inputs.features[at].std(axis=0) + 1e-3
    scaled = (inputs.features[at] - mean) / spread * seen
    centres = np.stack(
        [scaled[classes == one].mean(axis=0) if (classes == one).any() else 0 * mean for one in range(len(groups))]
    )
    weights = centres / spread
    bias = -weights @ mean - (centres**2).sum(axis=1) / 2
    flags = np.zeros((len(groups), len(data.names.sites) if genome.masked else 0))
    return np.concatenate([bias[:, None], weights, flags], axis=1).astype(np.float32)


def _blob(data: FitData, inputs: Inputs, genome: Genome) -> bytes:
    layer = Dense(_fitted(data, inputs, genome, np.ones(len(data), bool)), Activation.SOFTMAX)
    sites = len(data.names.sites)
    model = ModelBlob(FrontEnd.FEATURES, sites, (layer,), _groups(data, genome), masked=genome.masked)
    return pack_blob(with_vectors(model, vector_windows(sites)))
