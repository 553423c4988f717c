"""A model as a device gets it: one value, and the bytes that say it."""

from __future__ import annotations

from kinelog.device.blob_format import BlobError
from kinelog.device.blob_reading import read_blob
from kinelog.device.blob_writing import write_blob
from kinelog.device.layers import Activation, Conv1D, Dense, FrontEnd, Layer
from kinelog.device.model import ModelBlob, Vector

__all__ = [
    "Activation",
    "BlobError",
    "Conv1D",
    "Dense",
    "FrontEnd",
    "Layer",
    "ModelBlob",
    "Vector",
    "pack_blob",
    "unpack_blob",
]


def pack_blob(blob: ModelBlob) -> bytes:
    """The bytes of a model.

    Args:
        blob: The model, its test vectors included (`evaluation.with_vectors` computes them).

    Returns:
        What `unpack_blob` and the device read.

    Raises:
        BlobError: The model breaks a rule or a limit of the format.
    """
    data = write_blob(blob)
    read_blob(data)
    return data


def unpack_blob(data: bytes) -> ModelBlob:
    """The model that bytes hold; whether it computes what its vectors say is `evaluation.check_vectors`.

    Args:
        data: A whole blob, not a byte more or less.

    Raises:
        BlobError: The bytes break a rule or a limit of the format; it names the field and its byte.
    """
    return read_blob(data)
