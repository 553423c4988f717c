"""Normalisation folded into the first layers: a device feeds raw milli-g and features, and computes what was trained.

With weights w, bias b and inputs (x - mean) * scale, the same sum is (w * scale) · x + (b - Σ w * scale * mean). All in
double, rounded to float32 once.
"""

from __future__ import annotations

import numpy as np
from kinelog.device.features import FEATURES_PER_SITE
from kinelog.device.layers import AXES, WINDOW, Conv1D, Dense, Layer
from kinelog.ml.fit_job import FitResult, LayerWeights, Normalisation
from kinelog.ml.genome import Genome
from kinelog.ml.network_size import ACTIVATIONS
from numpy.typing import NDArray


def folded_layers(result: FitResult, genome: Genome) -> tuple[Layer, ...]:
    """The layers of a fit as a device evaluates them.

    Raises:
        ValueError: If the fit has none, since it ended in numbers that are not finite.
    """
    if result.status != "ok":
        raise ValueError(f"a fit that ended as {result.status!r} has no layers")
    layers = [layer.weights.astype(np.float64) for layer in result.layers]
    norm, first_dense = result.normalisation, len(genome.conv)
    if genome.conv:
        kernel = genome.conv[0].kernel
        layers[0] = _folded(layers[0], np.tile(norm.raw_mean, kernel), np.tile(norm.raw_scale, kernel))
    layers[first_dense] = _folded(layers[first_dense], *_dense_inputs(genome, norm))
    return tuple(_device_layer(layer, values) for layer, values in zip(result.layers, layers, strict=True))


def sites_of(norm: Normalisation) -> int:
    """Number of sensors that a fit was made for."""
    return len(norm.raw_mean) // AXES or len(norm.feature_mean) // FEATURES_PER_SITE


def _dense_inputs(genome: Genome, norm: Normalisation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and scale of each input of the first dense layer; what no normalisation touched has 0 and 1."""
    means: list[NDArray[np.floating]] = []
    scales: list[NDArray[np.floating]] = []
    if genome.conv:
        filters = genome.conv[-1].filters
        means.append(np.zeros(filters))
        scales.append(np.ones(filters))
    elif genome.front_end != "features":
        means.append(np.tile(norm.raw_mean, WINDOW))
        scales.append(np.tile(norm.raw_scale, WINDOW))
    means.append(norm.feature_mean)
    scales.append(norm.feature_scale)
    if genome.masked:
        means.append(np.zeros(sites_of(norm)))
        scales.append(np.ones(sites_of(norm)))
    return np.concatenate(means, dtype=np.float64), np.concatenate(scales, dtype=np.float64)


def _folded(
    weights: NDArray[np.float64], mean: NDArray[np.floating], scale: NDArray[np.floating]
) -> NDArray[np.float64]:
    scaled = weights[:, 1:] * scale.astype(np.float64)
    bias = weights[:, :1] - scaled @ mean.astype(np.float64)[:, None]
    return np.concatenate([bias, scaled], axis=1)


def _device_layer(layer: LayerWeights, values: NDArray[np.float64]) -> Layer:
    weights = np.ascontiguousarray(values, np.float32)
    activation = ACTIVATIONS[layer.activation]
    if layer.kind == "conv":
        return Conv1D(weights, layer.kernel, layer.stride, activation)
    return Dense(weights, activation)
