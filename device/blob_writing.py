"""A model written as bytes, in the order of the format; whoever reads them checks them."""

from __future__ import annotations

import struct

import numpy as np
from kinelog.device import blob_format as fmt
from kinelog.device.blob_format import BlobError
from kinelog.device.features import FEATURES_PER_SITE
from kinelog.device.layers import RATE_HZ, WINDOW, Conv1D, FrontEnd, Layer
from kinelog.device.model import ModelBlob, Vector


def write_blob(blob: ModelBlob) -> bytes:
    """The bytes of a model, unchecked but for what no bytes could say.

    Raises:
        BlobError: A number does not fit its field, or an array has not the shape that its field has.
    """
    if not blob.layers or not blob.group:
        raise BlobError("layers", None, "a model has at least one layer and one output")
    weights = b"".join(np.ascontiguousarray(layer.weights, dtype="<f4").tobytes() for layer in blob.layers)
    try:
        table = b"".join(_layer(layer) for layer in blob.layers)
        group = struct.pack(f"<{len(blob.group)}H", *blob.group)
        vectors = b"".join(_vector(blob, vector) for vector in blob.vectors)
        body = table + group.ljust(fmt.group_bytes(len(blob.group)), b"\0") + weights + vectors
        return _header(blob, len(weights), len(vectors), fmt.HEADER.size + len(body)) + body
    except struct.error as error:
        raise BlobError("header", None, f"a number does not fit its field: {error}") from error


def _header(blob: ModelBlob, weights: int, vectors: int, total: int) -> bytes:
    return fmt.HEADER.pack(
        fmt.MAGIC,
        fmt.SCHEMA,
        blob.front_end,
        fmt.ROW_INTERLEAVED,
        WINDOW,
        RATE_HZ,
        fmt.MILLI_G,
        blob.sites,
        0 if blob.front_end == FrontEnd.RAW else FEATURES_PER_SITE,
        fmt.MASKED if blob.masked else 0,
        len(blob.layers),
        len(blob.group),
        blob.labels,
        len(blob.vectors),
        0,
        blob.temperature,
        blob.abstain_below,
        weights,
        vectors,
        total,
        0,
    )


def _layer(layer: Layer) -> bytes:
    if layer.weights.ndim != 2:
        raise BlobError("weights", None, f"one row per output, not an array of shape {layer.weights.shape}")
    if isinstance(layer, Conv1D):
        if layer.weights.shape[1] != 1 + layer.kernel * layer.inputs:
            raise BlobError(
                "weights", None, f"a row of {layer.weights.shape[1]} is no bias and {layer.kernel} whole rows"
            )
        return fmt.LAYER.pack(fmt.CONV, layer.activation, layer.outputs, layer.kernel, layer.stride, layer.inputs)
    return fmt.LAYER.pack(fmt.DENSE, layer.activation, layer.outputs, 0, 0, layer.inputs)


def _vector(blob: ModelBlob, vector: Vector) -> bytes:
    shapes = (vector.window.shape, vector.logits.shape, vector.probabilities.shape)
    if shapes != ((WINDOW, 3 * blob.sites), (len(blob.group),), (blob.labels,)) or vector.window.dtype != np.int16:
        raise BlobError("vectors", None, f"window, logits and probabilities of shapes {shapes} are not this model's")
    return (
        fmt.VECTOR_HEAD.pack(vector.present, vector.decision)
        + vector.window.astype("<i2").tobytes()
        + vector.logits.astype("<f4").tobytes()
        + vector.probabilities.astype("<f4").tobytes()
    )
