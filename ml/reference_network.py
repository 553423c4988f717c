"""A trained network in Keras as anybody would write it: what an exported model is held against.

Nothing here is shared with the stacked networks, the folding or the device: ordinary layers, Keras's own order of
weights, normalisation as layers of its own. Computed in double, so that what is measured is the export's error.
"""

from __future__ import annotations

import numpy as np
from kinelog.device.features import features
from kinelog.ml.fit_job import FitResult, LayerWeights
from kinelog.ml.genome import Genome
from kinelog.ml.tensorflow_setup import keras
from numpy.typing import NDArray

_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "softmax": "linear"}


class ReferenceNetwork:
    """A fit as a Keras model that gives logits."""

    def __init__(self, result: FitResult, genome: Genome, sites: int) -> None:
        self._genome = genome
        self._sites = sites
        window = keras.Input((50, 3 * sites), dtype="float64")
        computed = keras.Input((len(result.normalisation.feature_mean),), dtype="float64")
        flags = keras.Input((sites,), dtype="float64")
        parts = []
        layers = list(result.layers)
        norm = result.normalisation
        if genome.front_end != "features":
            values = _normalised(window, norm.raw_mean, norm.raw_scale)
            for _ in genome.conv:
                values = _convolution(layers.pop(0), values)
            pool = keras.layers.GlobalAveragePooling1D if genome.conv else keras.layers.Flatten
            parts.append(pool(dtype="float64")(values))
        if genome.front_end != "raw":
            parts.append(_normalised(computed, norm.feature_mean, norm.feature_scale))
        if genome.masked:
            parts.append(flags)
        values = keras.layers.Concatenate(dtype="float64")(parts) if len(parts) > 1 else parts[0]
        for layer in layers:
            values = _dense(layer, values)
        self._model = keras.Model([window, computed, flags], values)

    def logits(self, windows: NDArray[np.int16], present: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What enters the softmax.

        Args:
            windows: `(n, 50, 3 * sites)` int16 milli-g.
            present: `(sites,)` which sensors are there; samples and features of the others become zeros.
        """
        shown = windows * np.repeat(present, 3).astype(np.int16)
        computed = features(shown).astype(np.float64) if self._genome.front_end != "raw" else np.zeros((len(shown), 0))
        flags = np.tile(present.astype(np.float64), (len(shown), 1))
        return np.asarray(self._model([shown.astype(np.float64), computed, flags], training=False), np.float64)


def _normalised(values: keras.KerasTensor, mean: NDArray[np.float32], scale: NDArray[np.float32]) -> keras.KerasTensor:
    wide = mean.astype(np.float64), scale.astype(np.float64)
    return keras.layers.Rescaling(wide[1], offset=-wide[0] * wide[1], dtype="float64")(values)


def _convolution(layer: LayerWeights, values: keras.KerasTensor) -> keras.KerasTensor:
    filters = len(layer.weights)
    convolution = keras.layers.Conv1D(
        filters, layer.kernel, layer.stride, activation=_ACTIVATIONS[layer.activation], dtype="float64"
    )
    out = convolution(values)
    by_position = layer.weights[:, 1:].reshape(filters, layer.kernel, -1)
    convolution.set_weights([by_position.transpose(1, 2, 0), layer.weights[:, 0]])
    return out


def _dense(layer: LayerWeights, values: keras.KerasTensor) -> keras.KerasTensor:
    dense = keras.layers.Dense(len(layer.weights), activation=_ACTIVATIONS[layer.activation], dtype="float64")
    out = dense(values)
    dense.set_weights([layer.weights[:, 1:].T, layer.weights[:, 0]])
    return out
