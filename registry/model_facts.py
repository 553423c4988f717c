"""What a manifest says of a blob, read off the blob: nobody types a shape twice."""

from __future__ import annotations

import hashlib

from kinelog.device.blob import Conv1D, FrontEnd, Layer, ModelBlob
from kinelog.device.layers import RATE_HZ, WINDOW
from kinelog.device.model import Vector
from kinelog.registry.manifest import ManifestInput, ManifestLayer, ManifestVector, ManifestWeights

VECTORS_SHOWN = 2
"""How many of the blob's test vectors the manifest repeats: enough to notice a blob that is read wrongly, and not so
many that the manifest becomes longer than the blob."""

FRONT_ENDS = {FrontEnd.RAW: "raw", FrontEnd.FEATURES: "features/1", FrontEnd.BOTH: "raw+features/1"}


def input_of(blob: ModelBlob) -> ManifestInput:
    """What a window is."""
    return ManifestInput(
        rate_hz=RATE_HZ, window=WINDOW, front_end=FRONT_ENDS[blob.front_end], site_mask=blob.masked
    )  # fmt: skip


def layers_of(blob: ModelBlob) -> tuple[ManifestLayer, ...]:
    """The layers, from input to output."""
    return tuple(_layer(layer) for layer in blob.layers)


def weights_of(data: bytes) -> ManifestWeights:
    """The file."""
    return ManifestWeights(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def vectors_of(blob: ModelBlob, labels: tuple[str, ...]) -> tuple[ManifestVector, ...]:
    """The first test vectors."""
    return tuple(_vector(vector, labels) for vector in blob.vectors[:VECTORS_SHOWN])


def _layer(layer: Layer) -> ManifestLayer:
    activation = layer.activation.name.lower()
    if isinstance(layer, Conv1D):
        return ManifestLayer(conv1d=layer.outputs, kernel=layer.kernel, stride=layer.stride, activation=activation)
    return ManifestLayer(dense=layer.outputs, activation=activation)


def _vector(vector: Vector, labels: tuple[str, ...]) -> ManifestVector:
    return ManifestVector(
        present=vector.present,
        input=tuple(vector.window.ravel().tolist()),
        logits=tuple(vector.logits.tolist()),
        output=tuple(vector.probabilities.tolist()),
        decision=None if vector.decision < 0 else labels[vector.decision],
    )
