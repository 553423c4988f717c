"""A model evaluated in numpy: what the device's C computes, rule by rule the same.

Values between layers are float32. Sums are taken in double and rounded once, so that the order of adding does not show
and folded normalisations (large weights times large values, nearly cancelled by the bias) lose nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from kinelog.device.blob_format import BlobError
from kinelog.device.features import FEATURES_PER_SITE, features
from kinelog.device.layers import AXES, WINDOW, Activation, Conv1D, FrontEnd
from kinelog.device.model import ModelBlob, Vector
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

UNKNOWN = -1
"""The decision of a model that is not sure enough."""
LOGIT_TOLERANCE = 1e-4
PROBABILITY_TOLERANCE = 1e-5
_HIGHEST = float(np.finfo(np.float32).max)
_RAW_AND_BOTH = (FrontEnd.RAW, FrontEnd.BOTH)


class EvaluationError(ValueError):
    """A window that this model cannot be asked with, or numbers that run over."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a model says of windows.

    Attributes:
        logits: `(n, outputs)` float32, what enters the softmax, before the temperature.
        probabilities: `(n, labels)` float32.
        decision: `(n,)` int16 labels, or -1 where the best is less probable than the model's threshold.
    """

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    decision: NDArray[np.int16]


class Evaluator:
    """Evaluates one model.

    Args:
        blob: The model; its vectors may be missing.
    """

    def __init__(self, blob: ModelBlob) -> None:
        self._blob = blob
        self._matrix = np.zeros((blob.outputs, blob.labels))
        self._matrix[np.arange(blob.outputs), blob.group] = 1.0

    def evaluate(self, windows: NDArray[np.int16], present: int | None = None) -> Evaluation:
        """What the model says.

        Args:
            windows: `(n, 50, 3 * sites)` int16 milli-g, row-interleaved.
            present: Bit *i* says that site *i* delivers; None: all do. What absent sites hold does not matter.

        Raises:
            EvaluationError: Windows of another shape, a mask that this model does not know, or a sum that runs over.
        """
        blob = self._blob
        mask = blob.everywhere if present is None else present
        self._check(windows, mask)
        sites = np.array([bool(mask >> site & 1) for site in range(blob.sites)])
        seen = windows * np.repeat(sites, AXES).astype(np.int16)
        values = self._inputs(seen, sites)
        for layer in blob.dense:
            values = _activated(_summed(values, layer.weights), layer.activation)
        probabilities = self._probabilities(values)
        best = probabilities.argmax(axis=1).astype(np.int16)
        sure = probabilities.max(axis=1, initial=0.0) >= np.float32(blob.abstain_below)
        return Evaluation(values, probabilities, np.where(sure, best, np.int16(UNKNOWN)))

    def _check(self, windows: NDArray[np.int16], present: int) -> None:
        expected = (WINDOW, AXES * self._blob.sites)
        if windows.ndim != 3 or windows.shape[1:] != expected or windows.dtype != np.int16:
            raise EvaluationError(
                f"windows: int16 (n, {expected[0]}, {expected[1]}), not {windows.dtype} {windows.shape}"
            )
        if not 0 < present <= self._blob.everywhere:
            raise EvaluationError(f"present: {present:#x} names no site of {self._blob.sites}, or one too many")
        if present != self._blob.everywhere and not self._blob.masked:
            raise EvaluationError("present: this model was not fitted with absent sites")

    def _inputs(self, windows: NDArray[np.int16], sites: NDArray[np.bool_]) -> NDArray[np.float32]:
        blob = self._blob
        parts: list[NDArray[np.float32]] = []
        if blob.front_end in _RAW_AND_BOTH:
            parts.append(_raw_part(windows, blob.convolutions))
        if blob.front_end != FrontEnd.RAW:
            parts.append(features(windows) * np.repeat(sites, FEATURES_PER_SITE).astype(np.float32))
        if blob.masked:
            parts.append(np.tile(sites.astype(np.float32), (len(windows), 1)))
        return np.concatenate(parts, axis=1)

    def _probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64) / float(
            np.float32(self._blob.temperature)
        )
        exponentials = np.exp(scaled)
        shares = exponentials / exponentials.sum(axis=1, keepdims=True)
        gathered: NDArray[np.float64] = shares @ self._matrix
        return gathered.astype(np.float32)


def with_vectors(blob: ModelBlob, windows: NDArray[np.int16], presents: NDArray[np.int64] | None = None) -> ModelBlob:
    """The model with test vectors made of these windows.

    Args:
        blob: The model; vectors that it has are replaced.
        windows: `(n, 50, 3 * sites)` int16 milli-g, 16 to 64 of them.
        presents: `(n,)` masks of present sites; None: all sites in each.

    Raises:
        EvaluationError: A window or mask is not this model's.
    """
    evaluator = Evaluator(blob)
    vectors = []
    for number, window in enumerate(windows):
        present = blob.everywhere if presents is None else int(presents[number])
        said = evaluator.evaluate(window[None], present)
        vectors.append(Vector(present, window.copy(), said.logits[0], said.probabilities[0], int(said.decision[0])))
    return replace(blob, vectors=tuple(vectors))


def check_vectors(blob: ModelBlob) -> None:
    """Hold a model to what its test vectors say that it computes.

    Raises:
        BlobError: A vector's logits differ by more than 1e-4, its probabilities by more than 1e-5, or its decision is
            not what these probabilities allow.
    """
    evaluator = Evaluator(blob)
    for number, vector in enumerate(blob.vectors):
        try:
            said = evaluator.evaluate(vector.window[None], vector.present)
        except EvaluationError as error:
            raise BlobError(f"vector {number}", None, str(error)) from error
        logit = float(np.abs(said.logits[0].astype(np.float64) - vector.logits).max())
        probability = float(np.abs(said.probabilities[0].astype(np.float64) - vector.probabilities).max())
        if logit > LOGIT_TOLERANCE:
            raise BlobError(f"vector {number} logits", None, f"computed otherwise by {logit:.2g}")
        if probability > PROBABILITY_TOLERANCE:
            raise BlobError(f"vector {number} probabilities", None, f"computed otherwise by {probability:.2g}")
        if not _allowed(vector.decision, said.probabilities[0], blob.abstain_below):
            raise BlobError(f"vector {number} decision", None, f"is {vector.decision}, computed {said.decision[0]}")


def _allowed(decision: int, probabilities: NDArray[np.float32], abstain_below: float) -> bool:
    """Whether a decision follows from probabilities that may be off by the tolerance: a tie may fall to either side."""
    slack = 2 * PROBABILITY_TOLERANCE
    best = float(probabilities.max())
    threshold = float(np.float32(abstain_below))
    if decision == UNKNOWN:
        return best < threshold + slack
    return float(probabilities[decision]) >= best - slack and best >= threshold - slack


def _raw_part(windows: NDArray[np.int16], convolutions: tuple[Conv1D, ...]) -> NDArray[np.float32]:
    """Flattened samples, or the last convolution's filters, each averaged over time."""
    values: NDArray[np.float32] = windows.astype(np.float32)
    for layer in convolutions:
        positions = sliding_window_view(values, layer.kernel, axis=1)[:, :: layer.stride].swapaxes(2, 3)
        rows = positions.reshape(*positions.shape[:2], layer.weights.shape[1] - 1)
        values = _activated(_summed(rows, layer.weights), layer.activation)
    if convolutions:
        pooled: NDArray[np.float64] = values.astype(np.float64).mean(axis=1)
        return pooled.astype(np.float32)
    return values.reshape(len(values), values.shape[1] * values.shape[2])


def _summed(values: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    wide = weights.astype(np.float64)
    sums: NDArray[np.float64] = values.astype(np.float64) @ wide[:, 1:].T + wide[:, 0]
    if not (np.abs(sums) <= _HIGHEST).all():
        raise EvaluationError("windows: a sum of this model runs over for one of them")
    return sums.astype(np.float32)


def _activated(values: NDArray[np.float32], activation: Activation) -> NDArray[np.float32]:
    if activation == Activation.RELU:
        return np.maximum(values, np.float32(0))
    if activation == Activation.TANH:
        return np.tanh(values.astype(np.float64)).astype(np.float32)
    if activation == Activation.LOGISTIC:
        with np.errstate(over="ignore"):
            return (1.0 / (1.0 + np.exp(-values.astype(np.float64)))).astype(np.float32)
    return values  # softmax is taken of the logits, behind the temperature
