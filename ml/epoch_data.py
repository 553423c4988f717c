"""An epoch's draws of all candidates, laid into the arrays that the compiled program takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from kinelog.ml.candidate_training import CandidateTraining, Draws
from kinelog.ml.stacked_network import StackShape
from kinelog.ml.stacked_training import Control, EpochData
from numpy.typing import NDArray


def epoch_data(stack: Sequence[CandidateTraining], shape: StackShape, epoch: int) -> EpochData:
    """The epoch; a candidate that has fewer steps than another, or is done, idles in what remains."""
    data = _empty(shape, max(candidate.steps() for candidate in stack if epoch < candidate.job.epochs()))
    for place, candidate in enumerate(stack):
        if epoch < candidate.job.epochs():
            draws = candidate.draws(epoch, drops=shape.drops)
            _lay(data, place, candidate, draws, epoch)
            data.control[: len(draws.rows), place] = candidate.control(epoch)
    return data


def _empty(shape: StackShape, steps: int) -> EpochData:
    size = (steps, shape.candidates, shape.batch_size)
    control = np.empty((steps, shape.candidates, Control.COLUMNS), np.float32)
    control[:] = Control.IDLE
    return EpochData(
        window=np.zeros((*size, 50, shape.channels), np.float32),
        flat=np.zeros((*size, shape.flat_inputs), np.float32),
        outputs=np.zeros(size, np.int32),
        weights=np.zeros(size, np.float32),
        auxiliary=np.zeros(size, np.int32),
        auxiliary_weights=np.zeros(size, np.float32),
        kept=tuple(np.ones((*size, width), bool) for width in shape.dense) if shape.drops else (),
        control=control,
    )


def _lay(data: EpochData, place: int, candidate: CandidateTraining, draws: Draws, epoch: int) -> None:
    steps = len(draws.rows)
    there = draws.rows >= 0
    window, flat = candidate.inputs(draws.rows[there])
    if window.shape[2]:
        data.window[:steps, place][there] = window
    data.flat[:steps, place][there] = candidate.noisy(flat, epoch)
    targets = candidate.job.targets
    outputs = candidate.job.outputs()
    data.outputs[:steps, place][there] = outputs[draws.examples[there]]
    weights = there.astype(np.float64)
    if targets.weights is not None:
        weights *= targets.weights[draws.examples]
    data.weights[:steps, place] = _shares(weights)
    if candidate.job.auxiliary_count() and targets.auxiliary is not None:
        known = targets.auxiliary[draws.examples]
        data.auxiliary[:steps, place] = np.maximum(known, 0)
        data.auxiliary_weights[:steps, place] = _shares(weights * (known >= 0))
    for layer, kept in enumerate(draws.kept):
        data.kept[layer][:steps, place] = kept


def _shares(weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """`(steps, batch)` weights so that each step's sum to one; zeros where all are."""
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights / np.where(total > 0, total, 1.0), np.float32)
