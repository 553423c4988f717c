"""A masked net as the plain net that it is for one combination of its sensors.

Absent sites are zeros in every input, so the weights on them add nothing, and the flags are constants, so theirs go
into the bias: without both, the net computes the same with fewer weights, and phones that wear this combination get a
model of exactly these sensors.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from kinelog.device.blob import Conv1D, Dense, FrontEnd, ModelBlob
from kinelog.device.features import FEATURES_PER_SITE
from kinelog.device.layers import AXES, WINDOW
from numpy.typing import NDArray

Weights = NDArray[np.float32]


def specialised(blob: ModelBlob, mask: int) -> ModelBlob:
    """The plain net for the sites of a mask.

    Args:
        blob: A masked net; its test vectors are left behind, since their windows have other columns.
        mask: Which of its sites stay, bit by bit.

    Raises:
        ValueError: The net is not masked, or the mask names no site of it.
    """
    if not blob.masked or not 0 < mask <= blob.everywhere:
        message = f"a masked net and some of its {blob.sites} sites, not mask {mask:#x}"
        raise ValueError(message)
    kept = np.array([bool(mask >> site & 1) for site in range(blob.sites)])
    layers = list(blob.layers)
    if blob.convolutions:
        first = blob.convolutions[0]
        layers[0] = replace(first, weights=_without_channels(first, kept))
    place = len(blob.convolutions)
    dense = layers[place]
    if not isinstance(dense, Dense):
        message = f"layer {place} is no dense layer"
        raise TypeError(message)
    layers[place] = replace(dense, weights=_without_inputs(blob, dense.weights, kept))
    return replace(blob, sites=int(kept.sum()), masked=False, layers=tuple(layers), vectors=())


def _without_channels(layer: Conv1D, kept: NDArray[np.bool_]) -> Weights:
    columns = np.tile(np.repeat(kept, AXES), layer.kernel)
    return np.ascontiguousarray(layer.weights[:, np.concatenate([[True], columns])])


def _without_inputs(blob: ModelBlob, weights: Weights, kept: NDArray[np.bool_]) -> Weights:
    stay = [np.array([True])]
    if blob.convolutions:
        stay.append(np.ones(blob.convolutions[-1].outputs, dtype=np.bool_))
    elif blob.front_end != FrontEnd.FEATURES:
        stay.append(np.tile(np.repeat(kept, AXES), WINDOW))
    if blob.front_end != FrontEnd.RAW:
        stay.append(np.repeat(kept, FEATURES_PER_SITE))
    flags = weights[:, -blob.sites :]
    plain = weights[:, : -blob.sites][:, np.concatenate(stay)].copy()
    present = flags.astype(np.float64) @ kept.astype(np.float64)
    plain[:, 0] = (weights[:, 0].astype(np.float64) + present).astype(np.float32)
    return np.ascontiguousarray(plain)
