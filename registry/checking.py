"""Whether manifest and blob can be believed: what a phone checks before it uses a model, a store before it has one.

The order matters. Nothing is parsed before its signature or hash is right, and nothing is computed with before its
structure is.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import NamedTuple

from kinelog.device.blob import BlobError, ModelBlob, unpack_blob
from kinelog.device.evaluation import LOGIT_TOLERANCE, PROBABILITY_TOLERANCE, check_vectors
from kinelog.registry.errors import (
    HashError,
    LabelError,
    LayoutError,
    ManifestError,
    ShapeError,
    SizeError,
    VectorError,
)
from kinelog.registry.manifest import MANIFEST_BYTES, Manifest, ManifestVector, read_manifest
from kinelog.registry.model_facts import input_of, layers_of, vectors_of, weights_of
from kinelog.registry.signing import PublicKey, Signature, require_signature


class CheckedModel(NamedTuple):
    """A model that may be used.

    Attributes:
        manifest: What it says of itself.
        blob: The network.
    """

    manifest: Manifest
    blob: ModelBlob


def check_manifest(
    manifest: bytes, signature: Signature, keys: Iterable[PublicKey], blob: bytes
) -> CheckedModel:  # fmt: skip
    """Refuse a model whose signature, hash, size, layout, shapes, labels or test vectors are not right.

    Args:
        manifest: Exactly the bytes that arrived.
        signature: That arrived with them.
        keys: Public keys that are trusted.
        blob: The file that the manifest names.

    Raises:
        SignatureError: No trusted key signed these bytes.
        ManifestError: The manifest is none, or one of its subclasses: `HashError`, `SizeError`, `LayoutError`,
            `ShapeError`, `LabelError` and `VectorError` name what disagrees, and where.
    """
    if len(manifest) > MANIFEST_BYTES:
        raise SizeError("manifest", f"{len(manifest)} bytes, at most {MANIFEST_BYTES}")
    require_signature(keys, manifest, signature)
    return check_model(read_manifest(manifest), blob)


def check_model(manifest: Manifest, blob: bytes) -> CheckedModel:
    """As `check_manifest`, of a manifest whose signature is another's business.

    Raises:
        ManifestError: As there.
    """
    _check_file(manifest, blob)
    try:
        model = unpack_blob(blob)
    except BlobError as error:
        raise LayoutError(f"blob.{error.field}", str(error)) from error
    _check_layout(manifest, model)
    _check_shapes(manifest, model)
    _check_labels(manifest, model)
    _check_decisions(manifest, model)
    _check_vectors(manifest, model)
    return CheckedModel(manifest, model)


def _check_file(manifest: Manifest, blob: bytes) -> None:
    if len(blob) != manifest.weights.bytes:
        raise SizeError("weights.bytes", f"the blob has {len(blob)}, the manifest says {manifest.weights.bytes}")
    if hashlib.sha256(blob).hexdigest() != manifest.weights.sha256:
        raise HashError("weights.sha256", "the blob has another hash: it is not this file, or was damaged")


def _check_layout(manifest: Manifest, model: ModelBlob) -> None:
    wanted = input_of(model)
    for name in manifest.input.__struct_fields__:
        said, computed = getattr(manifest.input, name), getattr(wanted, name)
        if said != computed:
            raise LayoutError(f"input.{name}", f"{said!r} in the manifest, {computed!r} in the blob")
    if len(manifest.sensors) != model.sites:
        raise LayoutError("sensors", f"{len(manifest.sensors)} in the manifest, {model.sites} in the blob")
    file = weights_of(b"")
    for name in ("order", "dtype"):
        if getattr(manifest.weights, name) != getattr(file, name):
            raise LayoutError(f"weights.{name}", "not the order in which the blob holds its weights")


def _check_shapes(manifest: Manifest, model: ModelBlob) -> None:
    layers = layers_of(model)
    if len(manifest.layers) != len(layers):
        raise ShapeError("layers", f"{len(manifest.layers)} in the manifest, {len(layers)} in the blob")
    for number, (said, computed) in enumerate(zip(manifest.layers, layers, strict=True)):
        if said != computed:
            raise ShapeError(f"layers[{number}]", f"{said} in the manifest, {computed} in the blob")
    if manifest.groups != model.group:
        raise ShapeError("groups", "not the labels that the blob's outputs stand for")


def _check_labels(manifest: Manifest, model: ModelBlob) -> None:
    if len(manifest.labels) != model.labels:
        raise LabelError("labels", f"{len(manifest.labels)} in the manifest, {model.labels} in the blob")
    if len(set(manifest.labels)) != len(manifest.labels):
        raise LabelError("labels", "a label stands there twice")


def _check_decisions(manifest: Manifest, model: ModelBlob) -> None:
    for name, said, computed in (
        ("temperature", manifest.temperature, model.temperature),
        ("abstain_below", manifest.abstain_below, model.abstain_below),
    ):
        # Exactly: the manifest repeats a float32, and every float32 is a number that JSON can say.
        if said != computed:
            raise ManifestError(name, f"{said} in the manifest, {computed} in the blob")


def _check_vectors(manifest: Manifest, model: ModelBlob) -> None:
    shown = vectors_of(model, manifest.labels)
    if len(manifest.test_vectors) != len(shown):
        raise VectorError("test_vectors", f"{len(manifest.test_vectors)} of them, not {len(shown)}")
    for number, (said, held) in enumerate(zip(manifest.test_vectors, shown, strict=True)):
        if not _alike(said, held):
            raise VectorError(f"test_vectors[{number}]", "not the blob's")
    try:
        check_vectors(model)
    except BlobError as error:
        raise VectorError(f"blob.{error.field}", str(error)) from error


def _alike(said: ManifestVector, held: ManifestVector) -> bool:
    return (
        (said.present, said.input, said.decision) == (held.present, held.input, held.decision)
        and _close(said.logits, held.logits, LOGIT_TOLERANCE)
        and _close(said.output, held.output, PROBABILITY_TOLERANCE)
    )


def _close(said: tuple[float, ...], held: tuple[float, ...], tolerance: float) -> bool:
    return len(said) == len(held) and all(
        math.isclose(a, b, rel_tol=0.0, abs_tol=tolerance) for a, b in zip(said, held, strict=True)
    )
