"""The reckoned cost: its bytes are the blob's, and what is plainly too large or too slow is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from kinelog.device.blob import Activation, FrontEnd, ModelBlob, pack_blob
from kinelog.device.cost import NetworkShape, shape_of

from tests.device.made_models import architectures, vectored


@settings(max_examples=60, deadline=None)
@given(architectures())
def test_the_reckoned_bytes_are_those_of_the_blob(model: ModelBlob) -> None:
    assert shape_of(model).weights_bytes == model.weights_bytes
    assert len(pack_blob(vectored(model))) == shape_of(model).blob_bytes - 4 * 16 * (model.outputs - model.labels)


@pytest.mark.parametrize(
    "shape",
    [
        NetworkShape(FrontEnd.FEATURES, 1, (64, 24, 20)),
        NetworkShape(FrontEnd.FEATURES, 2, (40, 9), activation=Activation.TANH),
        NetworkShape(FrontEnd.RAW, 1, (44, 20)),
        NetworkShape(FrontEnd.RAW, 1, (32, 9), ((8, 5, 2), (12, 5, 2))),
        NetworkShape(FrontEnd.BOTH, 1, (48, 20), ((8, 9, 2),)),
    ],
)
def test_the_nets_that_are_fitted_fit_a_device(shape: NetworkShape) -> None:
    assert shape.fits_a_device


@pytest.mark.parametrize(
    "shape",
    [
        NetworkShape(FrontEnd.RAW, 1, (128, 64, 9)),
        NetworkShape(FrontEnd.RAW, 1, (16, 9), ((32, 9, 1), (32, 9, 1))),
        NetworkShape(FrontEnd.RAW, 1, (16, 9), ((24, 9, 1),), Activation.TANH),
        NetworkShape(FrontEnd.FEATURES, 7, (6, 20)),
        NetworkShape(FrontEnd.FEATURES, 9, (1, 2)),
    ],
)
def test_what_is_too_large_or_too_slow_does_not(shape: NetworkShape) -> None:
    assert not shape.fits_a_device


def test_the_naive_net_of_plain_sums_costs_what_it_costs() -> None:
    shape = NetworkShape(FrontEnd.RAW, 1, (128, 64, 9))
    assert shape.multiply_adds == 150 * 128 + 128 * 64 + 64 * 9
    assert 1.0 < shape.relative_cost < 1.1
