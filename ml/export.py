"""A fit as a model for devices: normalisation folded in, held against Keras, test vectors made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from kinelog.device.blob import pack_blob
from kinelog.device.blob_format import MAX_BLOB_BYTES, MIN_VECTORS, vector_bytes
from kinelog.device.evaluation import LOGIT_TOLERANCE, PROBABILITY_TOLERANCE, Evaluator, with_vectors
from kinelog.device.layers import WINDOW
from kinelog.device.model import ModelBlob
from kinelog.ml.calibration import grouped_softmax
from kinelog.ml.fit_job import FitResult
from kinelog.ml.folding import folded_layers, sites_of
from kinelog.ml.genome import Genome
from kinelog.ml.network_size import FRONT_ENDS
from kinelog.ml.probe_windows import probe_windows
from numpy.typing import NDArray

MOST_VECTORS = 24
"""Test vectors of a model, if there is room for them in its blob."""


class ExportError(ValueError):
    """A model that does not compute what was trained; it is not published.

    Attributes:
        kind: Of the windows on which it differs.
        logit: Largest difference of a logit.
        probability: Largest difference of a probability.
    """

    def __init__(self, kind: str, logit: float, probability: float) -> None:
        self.kind = kind
        self.logit = logit
        self.probability = probability
        limits = f"at most {LOGIT_TOLERANCE:g} and {PROBABILITY_TOLERANCE:g}"
        super().__init__(f"{kind} windows: logits differ by {logit:.2g}, probabilities by {probability:.2g}; {limits}")


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """How far an exported model is from Keras, at most, over all windows that were tried.

    Attributes:
        logit: Largest difference of a logit.
        probability: Largest difference of a label's probability.
        windows: How many were tried.
    """

    logit: float
    probability: float
    windows: int


def to_blob(
    result: FitResult,
    genome: Genome,
    groups: Sequence[int],
    temperature: float,
    threshold: float,
    windows: NDArray[np.int16] | None,
) -> ModelBlob:
    """The model of a fit.

    Args:
        result: Of the fit.
        genome: What was fitted.
        groups: The label of each of the network's outputs.
        temperature: Divides the logits.
        threshold: A best label less probable than this is answered as "unknown".
        windows: `(n, 50, 3 * sites)` int16 milli-g of people moving: the test vectors are made of some of them, and the
            model is held against Keras on these and on nastier ones. None: neither is done, the model is for scoring.

    Raises:
        ValueError: If the fit has no layers.
        ExportError: If the model does not compute what was trained.
        BlobError: If it breaks a limit of the format.
    """
    blob = ModelBlob(
        front_end=FRONT_ENDS[genome.front_end],
        sites=sites_of(result.normalisation),
        layers=folded_layers(result, genome),
        group=tuple(groups),
        temperature=float(np.float32(temperature)),
        abstain_below=float(np.float32(threshold)),
        masked=genome.masked,
    )
    if windows is None:
        return blob
    check_export(blob, result, genome, windows)
    return _with_vectors(blob, windows)


def check_export(blob: ModelBlob, result: FitResult, genome: Genome, windows: NDArray[np.int16]) -> ExportCheck:
    """Hold a model against the network as it was trained, on real, still, ±1 mg, spiked and clipped windows.

    A masked model is asked with all its sensors, with each one alone and with each one missing.

    Raises:
        ExportError: A logit differs by more than 1e-4, or a probability by more than 1e-5.
    """
    from kinelog.ml.reference_network import ReferenceNetwork  # TensorFlow: only where something is published

    reference, evaluator = ReferenceNetwork(result, genome, blob.sites), Evaluator(blob)
    logit = probability = 0.0
    tried = 0
    for kind, probes in probe_windows(windows).items():
        for present in _masks(blob):
            mask = np.array([bool(present >> site & 1) for site in range(blob.sites)])
            said, wanted = evaluator.evaluate(probes, present), reference.logits(probes, mask)
            wanted_probabilities = grouped_softmax(wanted, blob.group, blob.temperature)
            of_logits = float(np.abs(said.logits - wanted).max())
            of_labels = float(np.abs(said.probabilities - wanted_probabilities).max())
            if not (of_logits <= LOGIT_TOLERANCE and of_labels <= PROBABILITY_TOLERANCE):
                raise ExportError(kind, of_logits, of_labels)
            logit, probability, tried = max(logit, of_logits), max(probability, of_labels), tried + len(probes)
    return ExportCheck(logit, probability, tried)


def _masks(blob: ModelBlob) -> list[int]:
    if not blob.masked:
        return [blob.everywhere]
    alone = [1 << site for site in range(blob.sites)]
    missing = [blob.everywhere & ~one for one in alone]
    return sorted({blob.everywhere, *alone, *missing} - {0})


def _with_vectors(blob: ModelBlob, windows: NDArray[np.int16]) -> ModelBlob:
    """Vectors of real windows, taken evenly, and of one window of each nasty kind."""
    nasty = [probes[:1] for kind, probes in probe_windows(windows).items() if kind != "real"]
    spent = len(pack_blob(with_vectors(blob, np.repeat(nasty[0], MIN_VECTORS, axis=0))))
    vector = vector_bytes(WINDOW, blob.sites, blob.outputs, blob.labels)
    wanted = min(MOST_VECTORS, MIN_VECTORS + (MAX_BLOB_BYTES - spent) // vector)
    places = np.linspace(0, len(windows) - 1, wanted - len(nasty)).astype(np.int64)
    chosen = np.concatenate([windows[places], *nasty])
    masks = _masks(blob)
    presents = np.array([masks[-1 - number % len(masks)] for number in range(len(chosen))])
    return with_vectors(blob, _seen(chosen, presents, blob.sites), presents)


def _seen(windows: NDArray[np.int16], presents: NDArray[np.int64], sites: int) -> NDArray[np.int16]:
    """Windows with zeros where a sensor is absent."""
    there = (presents[:, None] >> np.arange(sites)) & 1
    return np.asarray(windows * np.repeat(there, 3, axis=1)[:, None, :], np.int16)
