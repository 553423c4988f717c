"""A masked net cut down to some of its sensors computes what it computed with the others absent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from kinelog.device.blob import Conv1D, Dense, FrontEnd, ModelBlob
from kinelog.device.evaluation import Evaluator
from kinelog.device.layers import Activation
from kinelog.device.model import first_dense_inputs
from kinelog.ml.masked_nets import specialised

SITES = 3


def masked_net(front_end: FrontEnd, seed: int, *, conv: bool) -> ModelBlob:
    rng = np.random.default_rng(seed)

    def drawn(outputs: int, inputs: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.normal(0, 0.01, (outputs, 1 + inputs)).astype(np.float32)

    first = Conv1D(weights=drawn(6, 5 * 3 * SITES), activation=Activation.RELU, kernel=5, stride=5) if conv else None
    inputs = first_dense_inputs(front_end, SITES, 6 if conv else None, masked=True)
    layers = ((first,) if first else ()) + (
        Dense(drawn(8, inputs), Activation.RELU),
        Dense(drawn(4, 8), Activation.SOFTMAX),
    )
    return ModelBlob(front_end, SITES, layers, (0, 1, 2, 2), masked=True)


@settings(max_examples=30, deadline=None)
@given(
    seed=strategies.integers(0, 1000),
    mask=strategies.integers(1, 2**SITES - 1),
    kind=strategies.sampled_from(
        [
            (FrontEnd.RAW, False),
            (FrontEnd.RAW, True),
            (FrontEnd.FEATURES, False),
            (FrontEnd.BOTH, False),
            (FrontEnd.BOTH, True),
        ]
    ),
)
def test_the_plain_net_says_what_the_masked_net_says_with_the_others_absent(
    seed: int, mask: int, kind: tuple[FrontEnd, bool]
) -> None:
    masked = masked_net(kind[0], seed, conv=kind[1])
    windows = np.random.default_rng(seed).integers(-4000, 4000, (5, 50, 3 * SITES), dtype=np.int16)
    columns = np.repeat([bool(mask >> site & 1) for site in range(SITES)], 3)
    plain = specialised(masked, mask)
    expected = Evaluator(masked).evaluate(windows, mask)
    said = Evaluator(plain).evaluate(np.ascontiguousarray(windows[:, :, columns]))
    assert plain.sites == mask.bit_count()
    assert not plain.masked
    assert np.abs(said.logits - expected.logits).max() <= 1e-4
    assert np.abs(said.probabilities - expected.probabilities).max() <= 1e-5


@pytest.mark.parametrize("mask", [0, 8])
def test_a_mask_that_names_no_site_is_refused(mask: int) -> None:
    with pytest.raises(ValueError, match="mask"):
        specialised(masked_net(FrontEnd.RAW, 1, conv=False), mask)


def test_a_net_without_flags_cannot_be_cut_down() -> None:
    plain = specialised(masked_net(FrontEnd.RAW, 1, conv=False), 1)
    with pytest.raises(ValueError, match="masked"):
        specialised(plain, 1)
