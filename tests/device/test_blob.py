"""A model survives its bytes, and bytes that break a rule are refused with the field that breaks it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.device import blob_format as fmt
from kinelog.device.blob import Activation, BlobError, Dense, FrontEnd, ModelBlob, pack_blob, unpack_blob
from kinelog.device.evaluation import Evaluator, check_vectors, with_vectors

from tests.device.broken_blobs import BLOB, BODY_FAULTS, GROUP, HEADER_FAULTS, with_bytes, with_field, with_more_weights
from tests.device.made_models import architectures, made_model, vectored, windows_that_hurt


@settings(max_examples=25, deadline=None)
@given(architectures())
def test_a_model_of_any_shape_survives_its_bytes(model: ModelBlob) -> None:
    whole = vectored(model)
    data = pack_blob(whole)
    again = unpack_blob(data)
    assert pack_blob(again) == data
    check_vectors(again)
    windows = windows_that_hurt(model.sites)
    before, after = Evaluator(whole).evaluate(windows), Evaluator(again).evaluate(windows)
    np.testing.assert_array_equal(before.logits, after.logits)
    np.testing.assert_array_equal(before.decision, after.decision)


@pytest.mark.parametrize(
    ("field", "code", "value"),
    HEADER_FAULTS,
)
def test_a_header_that_breaks_a_rule_is_refused_by_its_field(field: str, code: str, value: float | bytes) -> None:
    with pytest.raises(BlobError) as refused:
        unpack_blob(with_field(field, code, value))
    assert refused.value.field == field
    assert refused.value.offset == fmt.OFFSETS[field]


@pytest.mark.parametrize(
    ("at", "code", "value", "field"),
    BODY_FAULTS,
)
def test_a_body_that_breaks_a_rule_is_refused_by_its_field(at: int, code: str, value: float, field: str) -> None:
    with pytest.raises(BlobError) as refused:
        unpack_blob(with_bytes(at, code, value))
    assert refused.value.field == field


def test_a_label_that_no_output_stands_for_is_refused() -> None:
    with pytest.raises(BlobError, match="no output stands for label 1"):
        unpack_blob(with_bytes(GROUP, "5H", 0, 0, 0, 2, 2))


def test_lengths_that_agree_with_each_other_but_not_with_the_layers_are_refused() -> None:
    with pytest.raises(BlobError, match="weights_bytes"):
        unpack_blob(with_more_weights())


def test_a_convolution_behind_features_is_refused() -> None:
    data = bytearray(BLOB)
    data[fmt.OFFSETS["front_end"]] = FrontEnd.FEATURES
    with pytest.raises(BlobError, match="layer 0 kind"):
        unpack_blob(bytes(data))


@given(st.integers(0, len(BLOB) - 1))
def test_a_blob_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(BlobError):
        unpack_blob(BLOB[:length])


def test_one_byte_too_many_is_refused() -> None:
    with pytest.raises(BlobError, match="total_bytes"):
        unpack_blob(BLOB + b"\0")


@given(st.integers(0, len(BLOB) - 1), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_a_changed_byte_is_refused_or_another_model_but_never_an_accident(at: int, flip: int) -> None:
    data = bytearray(BLOB)
    data[at] ^= flip
    try:
        other = unpack_blob(bytes(data))
    except BlobError:
        return
    assert pack_blob(other) == bytes(data)


def test_a_model_with_more_weights_than_a_device_takes_is_refused() -> None:
    with pytest.raises(BlobError, match="weights_bytes"):
        pack_blob(made_model(dense=[54], outputs=9, labels=9))


def test_a_model_without_vectors_cannot_be_packed() -> None:
    with pytest.raises(BlobError, match="vectors"):
        pack_blob(made_model(vectors=False))


def test_layers_that_do_not_follow_each_other_are_refused() -> None:
    model = made_model()
    wrong = Dense(np.zeros((5, 8), np.float32), Activation.SOFTMAX)
    with pytest.raises(BlobError, match="layer 1 inputs"):
        pack_blob(replace(model, layers=(model.layers[0], wrong)))


def test_a_vector_that_the_weights_do_not_compute_is_refused() -> None:
    model = made_model()
    last = model.layers[-1]
    assert isinstance(last, Dense)
    weights = last.weights.copy()
    weights[0, 0] += 0.01
    with pytest.raises(BlobError, match="vector 0 logits"):
        check_vectors(replace(model, layers=(*model.layers[:-1], replace(last, weights=weights))))


def test_a_vector_with_another_decision_is_refused() -> None:
    model = made_model()
    other = replace(model.vectors[3], decision=(model.vectors[3].decision + 1) % 3)
    with pytest.raises(BlobError, match="vector 3 decision"):
        check_vectors(replace(model, vectors=(*model.vectors[:3], other, *model.vectors[4:])))


def test_weights_that_run_over_are_an_error_and_not_an_answer() -> None:
    model = made_model(vectors=False)
    first = model.layers[0]
    assert isinstance(first, Dense)
    huge = replace(first, weights=np.full_like(first.weights, 3e38))
    with pytest.raises(ValueError, match="runs over"):
        with_vectors(replace(model, layers=(huge, *model.layers[1:])), windows_that_hurt(1)[:16])
