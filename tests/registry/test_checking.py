"""A model whose signature, hash, layout, shapes, labels or vectors disagree is refused, with what disagrees."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.device.blob import FrontEnd, ModelBlob, pack_blob, unpack_blob
from kinelog.registry.checking import check_manifest, check_model
from kinelog.registry.errors import (
    HashError,
    LabelError,
    LayoutError,
    ManifestError,
    ShapeError,
    SignatureError,
    SizeError,
    VectorError,
)
from kinelog.registry.manifest import MANIFEST_BYTES, Manifest, ManifestDraft, ManifestLayer, manifest_bytes
from kinelog.registry.model_facts import weights_of
from kinelog.registry.publishing import manifest_of
from kinelog.registry.scope import Scope

from tests.device.made_models import architectures, made_model, vectored
from tests.registry.made_publications import CREATED, KEY, OTHER_KEY, SCOPE, blob_of, draft

BLOB = blob_of()
MANIFEST = manifest_of(draft(), SCOPE, BLOB, None, CREATED)
SIGNED = manifest_bytes(MANIFEST)
SIGNATURE = KEY.sign(SIGNED)


def test_a_model_as_it_was_published_is_believed() -> None:
    checked = check_manifest(SIGNED, SIGNATURE, [OTHER_KEY.public, KEY.public], BLOB)
    assert checked.manifest == MANIFEST
    assert checked.blob.labels == 3


@settings(max_examples=20, deadline=None)
@given(model=architectures(), sensors=st.sampled_from([("left-wrist", "chest"), ("right-foot", "phone")]))
def test_a_model_of_any_architecture_is_believed(model: ModelBlob, sensors: tuple[str, str]) -> None:
    blob = pack_blob(vectored(model))
    labels = tuple(f"exercise-{number}" for number in range(model.labels))
    said = ManifestDraft(fitted_on="all", labels=labels, metrics={}, dataset="sha256:")
    manifest = manifest_of(said, Scope("demo", "all", sensors[: model.sites]), blob, None, CREATED)
    data = manifest_bytes(manifest)
    assert check_manifest(data, KEY.sign(data), [KEY.public], blob).manifest == manifest


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(BLOB) - 1), bit=st.integers(0, 7))
def test_a_changed_bit_of_the_blob_is_refused(place: int, bit: int) -> None:
    changed = bytearray(BLOB)
    changed[place] ^= 1 << bit
    with pytest.raises(HashError, match=r"weights\.sha256"):
        check_manifest(SIGNED, SIGNATURE, [KEY.public], bytes(changed))


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(SIGNED) - 1), bit=st.integers(0, 7))
def test_a_changed_bit_of_the_manifest_is_refused(place: int, bit: int) -> None:
    changed = bytearray(SIGNED)
    changed[place] ^= 1 << bit
    with pytest.raises(SignatureError):
        check_manifest(bytes(changed), SIGNATURE, [KEY.public], BLOB)


def test_a_blob_of_another_length_is_refused() -> None:
    for blob in (BLOB[:-1], BLOB + b"\0", b""):
        with pytest.raises(SizeError, match=r"weights\.bytes"):
            check_manifest(SIGNED, SIGNATURE, [KEY.public], blob)


def test_more_than_a_manifest_can_be_is_not_even_hashed() -> None:
    with pytest.raises(SizeError, match="manifest"):
        check_manifest(SIGNED + b" " * MANIFEST_BYTES, SIGNATURE, [KEY.public], BLOB)


def test_a_signature_of_a_key_that_is_not_trusted_is_refused() -> None:
    with pytest.raises(SignatureError, match=KEY.key_id):
        check_manifest(SIGNED, SIGNATURE, [OTHER_KEY.public], BLOB)


@pytest.mark.parametrize(
    ("change", "kind", "field"),
    [
        ({"sensors": ("left-wrist", "chest")}, LayoutError, "sensors"),
        ({"input": msgspec.structs.replace(MANIFEST.input, rate_hz=100)}, LayoutError, "input.rate_hz"),
        ({"input": msgspec.structs.replace(MANIFEST.input, window=49)}, LayoutError, "input.window"),
        ({"input": msgspec.structs.replace(MANIFEST.input, front_end="features/1")}, LayoutError, "input.front_end"),
        ({"input": msgspec.structs.replace(MANIFEST.input, site_mask=True)}, LayoutError, "input.site_mask"),
        ({"weights": msgspec.structs.replace(MANIFEST.weights, order="as Keras")}, LayoutError, "weights.order"),
        ({"layers": MANIFEST.layers[:-1]}, ShapeError, "layers"),
        ({"layers": (ManifestLayer(dense=3, activation="relu"), MANIFEST.layers[1])}, ShapeError, "layers[0]"),
        ({"layers": (ManifestLayer(dense=2, activation="tanh"), MANIFEST.layers[1])}, ShapeError, "layers[0]"),
        ({"groups": MANIFEST.groups[::-1]}, ShapeError, "groups"),
        ({"labels": MANIFEST.labels[:2]}, LabelError, "labels"),
        ({"labels": ("a", "b", "a")}, LabelError, "labels"),
        ({"temperature": MANIFEST.temperature + 1e-6}, ManifestError, "temperature"),
        ({"abstain_below": 0.0}, ManifestError, "abstain_below"),
        ({"test_vectors": ()}, VectorError, "test_vectors"),
        ({"test_vectors": MANIFEST.test_vectors[::-1]}, VectorError, "test_vectors[0]"),
    ],
)
def test_a_manifest_that_says_something_else_than_the_blob_is_refused(
    change: dict[str, object], kind: type[ManifestError], field: str
) -> None:
    with pytest.raises(kind) as refused:
        check_model(msgspec.structs.replace(MANIFEST, **change), BLOB)
    assert refused.value.field == field
    assert type(refused.value) is kind


def test_a_vector_that_is_off_by_more_than_the_tolerance_is_refused() -> None:
    first = MANIFEST.test_vectors[0]
    for changed, accepted in (
        (msgspec.structs.replace(first, output=(first.output[0] + 5e-6, *first.output[1:])), True),
        (msgspec.structs.replace(first, output=(first.output[0] + 5e-5, *first.output[1:])), False),
        (msgspec.structs.replace(first, logits=(first.logits[0] + 5e-4, *first.logits[1:])), False),
        (msgspec.structs.replace(first, output=first.output[:2]), False),
        (msgspec.structs.replace(first, input=(first.input[0] + 1, *first.input[1:])), False),
        (msgspec.structs.replace(first, decision="another"), False),
    ):
        manifest = msgspec.structs.replace(MANIFEST, test_vectors=(changed, *MANIFEST.test_vectors[1:]))
        if accepted:
            check_model(manifest, BLOB)
        else:
            with pytest.raises(VectorError, match=r"test_vectors\[0\]"):
                check_model(manifest, BLOB)


def said_of(blob: bytes) -> Manifest:
    """The manifest of another file, as a liar would write it: everything fits but what the file computes."""
    return msgspec.structs.replace(MANIFEST, weights=weights_of(blob))


def test_bytes_that_are_no_blob_are_refused_though_hash_and_size_are_right() -> None:
    for blob in (b"KLMODEL\0", BLOB[:-4], bytes(len(BLOB)), hashlib.sha512(BLOB).digest() * 100):
        with pytest.raises(LayoutError, match="blob"):
            check_model(said_of(blob), blob)


def _other_weights(model: ModelBlob) -> ModelBlob:
    first, *rest = model.layers
    return replace(model, layers=(replace(first, weights=first.weights * np.float32(1.01)), *rest))


def _transposed(model: ModelBlob) -> ModelBlob:
    """Weights of the first layer in another order: the mistake that gives a file of the same length, and noise."""
    first, *rest = model.layers
    kernel = first.weights[:, 1:]
    mixed = np.concatenate([first.weights[:, :1], kernel.T.reshape(kernel.shape)], axis=1)
    return replace(model, layers=(replace(first, weights=np.ascontiguousarray(mixed)), *rest))


@pytest.mark.parametrize("break_it", [_other_weights, _transposed])
def test_weights_that_do_not_compute_the_test_vectors_are_refused(
    break_it: Callable[[ModelBlob], ModelBlob],
) -> None:
    blob = pack_blob(break_it(unpack_blob(BLOB)))
    with pytest.raises(VectorError, match=r"blob\.vector 0"):
        check_model(said_of(blob), blob)


def test_a_model_of_another_front_end_is_refused() -> None:
    blob = pack_blob(made_model(FrontEnd.FEATURES, dense=(2,)))
    with pytest.raises(LayoutError, match=r"input\.front_end"):
        check_model(said_of(blob), blob)
